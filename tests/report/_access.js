// What an accessibility checker measures: contrast (WCAG 2.2, 1.4.3), targets (2.5.8), focus (2.4.7).
(() => {
  const channels = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(channels(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const inactive = (element) => element.closest(":disabled, [aria-disabled=true]") !== null;

  const poorContrast = () => {
    const found = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !element.checkVisibility() || inactive(element)) continue;
      if (element.closest("script, style, noscript")) continue;
      const style = getComputedStyle(element);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const below = ground(element);
      const seen = ratio(over(channels(style.color), below), below);
      if (seen < (large ? 3 : 4.5)) found.add(`${seen.toFixed(2)} ${element.className || element.localName}: ${walker.currentNode.data.trim().slice(0, 30)}`);
    }
    return [...found];
  };

  const smallTargets = () =>
    [...document.querySelectorAll("button, input, summary, [role=option]")]
      .filter((element) => element.checkVisibility())
      .map((element) => [element.id || element.className || element.localName, element.getBoundingClientRect()])
      .filter(([, { width, height }]) => width < 24 || height < 24)
      .map(([name, { width, height }]) => `${name} ${width}x${height}`);

  const focused = () => {
    const element = document.activeElement;
    const shows = (at) => {
      const style = getComputedStyle(at);
      return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || style.boxShadow.includes("inset");
    };
    const marked = element.id === "list" ? document.querySelector(".row[aria-selected=true]") : element;
    return { name: element.id || element.dataset.filter || element.dataset.width || element.className || element.localName, shows: shows(marked) };
  };

  const wide = () =>
    [document.documentElement, ...document.querySelectorAll(".top, .list-pane, .list, .detail, .head, #panel")]
      .filter((element) => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1)
      .map((element) => `${element.id || element.className || element.localName} ${element.scrollWidth} > ${element.clientWidth}`);

  return { poorContrast, smallTargets, focused, wide };
})()
