// The contrast of each visible text, chart bar and border of a control, as the browser computed their colors.
// https://www.w3.org/TR/WCAG22/#contrast-minimum and #non-text-contrast
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const found = [];

  function rgba(color) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  }

  function over([r, g, b, a], ground) {
    return [r, g, b].map((each, at) => each * a + ground[at] * (1 - a));
  }

  function groundOf(element) {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      layers.unshift(rgba(getComputedStyle(each).backgroundColor));
      if (each.localName === "dialog") break; // in the top layer
    }
    return layers.reduce((ground, layer) => over(layer, ground), rgba("Canvas").slice(0, 3));
  }

  function luminance(color) {
    const [r, g, b] = color
      .map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function contrast(color, ground) {
    const [low, high] = [luminance(over(rgba(color), ground)), luminance(ground)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  function neededBy({ fontSize, fontWeight }) {
    const size = parseFloat(fontSize);
    return size >= 24 || (size >= 18.66 && fontWeight >= 700) ? 3 : 4.5;
  }

  function add(kind, element, color, ground, needed) {
    found.push({ kind, text: element.textContent.slice(0, 40), color, contrast: contrast(color, ground), needed });
  }

  function hasPseudo(element, pseudo, style) {
    return pseudo === "::placeholder" ? Boolean(element.placeholder) : /"[^" ]/.test(style.content);
  }

  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const style = getComputedStyle(element);
    const ground = groundOf(element);
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (hasText) add("text", element, style.color, ground, neededBy(style));
    for (const pseudo of ["::before", "::after", "::placeholder"]) {
      const its = getComputedStyle(element, pseudo);
      if (hasPseudo(element, pseudo, its)) add(pseudo, element, its.color, ground, neededBy(its));
    }
    const around = groundOf(element.parentElement);
    if (element.localName === "rect") add("bar", element, style.fill, around, 3);
    const hasBorder = element.matches("input, select, button") && style.borderTopStyle !== "none";
    if (hasBorder) add("border", element, style.borderTopColor, around, 3);
  }
  return found;
}
