/* A drawing on a page: buttons zoom; a click on a box of several nodes shows what is in it. All it needs is in the page. */
function tracegradDrawing(host) {
  const image = host.querySelector("img"), view = image.parentNode;
  const bytes = Uint8Array.from(atob(image.src.split(",")[1]), (c) => c.charCodeAt(0));
  const parsed = new DOMParser().parseFromString(new TextDecoder().decode(bytes), "image/svg+xml").documentElement;
  const picture = document.importNode(parsed, true);
  picture.setAttribute("role", "group");  // since its boxes can be pressed
  view.replaceChildren(picture);
  view.classList.add("view");
  const width = Number(picture.getAttribute("width")), height = Number(picture.getAttribute("height"));
  let scale = 1;
  function zoom(to) {
    scale = Math.min(Math.max(to, 0.1), 4);
    picture.setAttribute("width", width * scale);
    picture.setAttribute("height", height * scale);
  }
  const bar = host.querySelector(".zoom");
  for (const [name, text, action] of [
    ["Zoom out", "−", () => zoom(scale / 1.25)], ["Zoom in", "+", () => zoom(scale * 1.25)],
    ["1:1: natural size", "1:1", () => zoom(1)], ["Fit: show the whole drawing", "Fit", () => zoom((view.clientWidth - 2) / width)],
  ]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", name);
    button.title = name;
    button.addEventListener("click", action);
    bar.append(button);
  }
  for (const section of host.querySelectorAll("section")) {
    section.hidden = true;
    const outline = picture.querySelector(`#${section.dataset.of} .box`), box = outline.cloneNode();
    for (const [name, value] of Object.entries({
      class: "cover", fill: "transparent", role: "button", tabindex: "0", "aria-expanded": "false",
      "aria-label": `Unfold ${section.getAttribute("aria-label")}`,
    })) box.setAttribute(name, value);
    outline.parentNode.append(box);
    const toggle = () => {
      section.hidden = !section.hidden;
      box.setAttribute("aria-expanded", String(!section.hidden));
      box.classList.toggle("open", !section.hidden);
      if (!section.hidden) section.scrollIntoView({ block: "nearest" });
    };
    box.addEventListener("click", toggle);
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle();
    });
    section.querySelector("button").addEventListener("click", () => { toggle(); box.focus(); });
  }
}
document.querySelectorAll(".tracegrad-drawing").forEach(tracegradDrawing);
