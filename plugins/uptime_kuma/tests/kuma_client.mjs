// Plays a browser's part against an Uptime Kuma: connects, logs in, makes the calls it is given, and prints all it hears
// as lines of JSON. It judges nothing. Arguments: the folder of socket.io-client, and {url, calls, until, options}.
import { createRequire } from "node:module";

const [folder, given] = process.argv.slice(2);
const { io } = createRequire(`${folder}/`)("socket.io-client");
const { url, calls, until, options } = JSON.parse(given);

const say = (what, name, args) => console.log(JSON.stringify([what, name, args]));
const socket = io(url, { reconnection: false, timeout: 5000, ...options });
const waiting = new Map(Object.entries(until));

let ended = false;
const end = (code) => { ended = true; socket.disconnect(); process.exitCode = code; clearTimeout(patience); };
const patience = setTimeout(() => { say("late", "", [...waiting]); end(1); }, 10000);

function heard(name) {
  if (ended) return;
  const left = waiting.get(name) - 1;
  if (left > 0) waiting.set(name, left); else waiting.delete(name);
  if (waiting.size === 0) end(0);
}

socket.onAny((name, ...args) => { if (!ended) say("in", name, args); heard(name); });
socket.on("disconnect", (reason) => { if (!ended) { say("end", reason, []); heard("disconnect"); } });
socket.on("connect_error", (error) => { say("refused", error.message, [error.description ?? null].map(String)); end(0); });
socket.on("connect", async () => {
  say("transport", socket.io.engine.transport.name, []);
  for (const [name, ...args] of calls) {
    try {
      say("ack", name, [await socket.timeout(1500).emitWithAck(name, ...args)]);
    } catch (error) {
      say("unanswered", name, [error.message]);
    }
    heard(`ack ${name}`);
  }
});
