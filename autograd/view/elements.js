/* What the pages' scripts make elements with. Text of the user's program enters as text nodes, never as markup. */
const SVG = "http://www.w3.org/2000/svg";

function element(space, tag, attributes = {}, ...children) {
  const made = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
const html = (tag, attributes, ...children) => element("", tag, attributes, ...children);
const svg = (tag, attributes, ...children) => element(SVG, tag, attributes, ...children);
const write = (place, text) => { if (place && place.textContent !== text) place.textContent = text; };

const ICONS = {
  first: "M3 2h2v12H3zM12.5 1.5L14 3 9 8l5 5-1.5 1.5L6 8z", previous: "M10.5 1.5L12 3 7 8l5 5-1.5 1.5L4 8z",
  play: "M4 1.5v13L14 8z", pause: "M3.5 2h3v12h-3zM9.5 2h3v12h-3z",
  next: "M5.5 1.5L4 3l5 5-5 5 1.5 1.5L12 8z", last: "M11 2h2v12h-2zM3.5 1.5L2 3l5 5-5 5 1.5 1.5L10 8z",
};
function button(label, icon, action, text = "") {
  const made = html("button", { type: "button", "aria-label": label, title: label });
  if (icon) made.append(svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: ICONS[icon] })));
  if (text) made.append(text);
  made.addEventListener("click", action);
  return made;
}
