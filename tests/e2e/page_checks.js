// Gives a list of what is wrong with the page as it is shown now; run in the page.
(() => {
  const wrong = [];
  const modal = document.querySelector("dialog:modal");
  const within = modal ?? document.body;
  const name = (element) => `${element.localName}#${element.id || "?"} "${element.textContent.trim().slice(0, 40)}"`;
  const shown = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest(".unseen") && element.getClientRects().length > 0;
  const all = (selector) => [...within.querySelectorAll(selector)].filter(shown);

  if (!document.documentElement.lang) wrong.push("the page has no language");
  if (!document.title) wrong.push("the page has no title");
  if (document.querySelectorAll("main").length !== 1) wrong.push("the page has not one main part");
  const excess = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (excess > 0) wrong.push(`the page is ${excess} px wider than the window`);

  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) wrong.push(`two elements have the id ${id}`);
  for (const element of document.querySelectorAll("[aria-describedby], [aria-labelledby], [aria-controls]")) {
    for (const attribute of ["aria-describedby", "aria-labelledby", "aria-controls"]) {
      for (const id of (element.getAttribute(attribute) ?? "").split(" ").filter(Boolean)) {
        if (!document.getElementById(id)) wrong.push(`${attribute} of ${name(element)} names ${id}, which is not there`);
      }
    }
  }

  if (!modal) {
    if (all("h1").length !== 1) wrong.push(`the page shows ${all("h1").length} first headings`);
    let before = 0;
    for (const heading of all("h1, h2, h3, h4")) {
      const level = Number(heading.localName[1]);
      if (level > before + 1) wrong.push(`${name(heading)} comes after a heading of level ${before}`);
      before = level;
    }
  }

  for (const field of all("input, select, textarea")) {
    const labels = [...(field.labels ?? [])].map((label) => label.textContent.trim()).join("");
    if (!labels && !field.getAttribute("aria-label")) wrong.push(`${name(field)} has no label`);
  }
  for (const element of all("button, a[href], summary")) {
    if (!element.textContent.trim() && !element.getAttribute("aria-label")) wrong.push(`${name(element)} has no name`);
  }
  for (const picture of within.querySelectorAll("img")) {
    if (!picture.hasAttribute("alt")) wrong.push("a picture has no text in its place");
  }

  for (const element of all("button, select, summary, .button, .check, nav a, input:not([type=checkbox])")) {
    const { width, height } = element.getBoundingClientRect();
    if (height < 43.5 || width < 43.5) wrong.push(`${name(element)} is ${Math.round(width)} × ${Math.round(height)} px: too small to touch`);
  }

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colour = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return { channels: [red, green, blue], alpha: alpha / 255 };
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      layers.push(found);
      if (found.alpha > 0.99 || at === modal) break;
    }
    return layers.reverse().reduce(
      (under, { channels, alpha }) => under.map((value, at) => value * (1 - alpha) + channels[at] * alpha),
      [255, 255, 255],
    );
  };
  const light = (channels) => {
    const [red, green, blue] = channels.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  for (const element of all("*")) {
    const says = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if ((!says && !element.matches("input, select")) || element.matches(":disabled, option, svg *, script, style")) continue;
    const style = getComputedStyle(element);
    const [high, low] = [light(colour(style.color).channels), light(behind(element))].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) wrong.push(`${name(element)} has a contrast of ${ratio.toFixed(2)}`);
  }
  return wrong;
})()
