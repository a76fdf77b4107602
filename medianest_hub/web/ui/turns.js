// One at a time over all tabs of this browser. Browsers give their locks to secure pages only; over plain http at home a
// lease in IndexedDB, whose transactions do exclude each other, stands in.

const LEASE = 10_000;
const AGAIN = 40;

// What `work` gives, done while no other tab is at it.
export async function inTurn(name, work) {
  if (navigator.locks) return navigator.locks.request(`medianest-${name}`, work);
  const store = await open().catch(() => null);
  if (!store) return work(); // private windows of some browsers have no store, and share nothing either
  const owner = `${performance.timeOrigin}-${Math.random()}`;
  try {
    while (!(await claim(store, name, owner))) await new Promise((go) => setTimeout(go, AGAIN * (1 + Math.random())));
    return await work();
  } finally {
    await release(store, name, owner).catch(() => {});
    store.close();
  }
}

function open() {
  return new Promise((done, failed) => {
    const asked = indexedDB.open("medianest", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("turns");
    asked.onsuccess = () => done(asked.result);
    asked.onerror = asked.onblocked = () => failed(asked.error);
  });
}

function change(store, name, decide) {
  return new Promise((done, failed) => {
    const transaction = store.transaction("turns", "readwrite");
    const turns = transaction.objectStore("turns");
    const asked = turns.get(name);
    let result;
    asked.onsuccess = () => (result = decide(turns, asked.result));
    transaction.oncomplete = () => done(result);
    transaction.onabort = transaction.onerror = () => failed(transaction.error);
  });
}

const claim = (store, name, owner) =>
  change(store, name, (turns, held) => {
    // A clock set back must not leave a lease for hours.
    if (held && held.until > Date.now() && held.until < Date.now() + 2 * LEASE) return false;
    turns.put({ owner, until: Date.now() + LEASE }, name);
    return true;
  });

const release = (store, name, owner) =>
  change(store, name, (turns, held) => {
    if (held?.owner === owner) turns.delete(name);
  });
