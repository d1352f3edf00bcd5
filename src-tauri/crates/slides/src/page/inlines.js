// Boxes that stand in a line of text, such as badges: their letters are those of the line, their grounds lie under it.

/** Elements whose letters belong to the text around them; what else they paint is drawn without them. */
const flowing = new Set();

/** Boxes in those that keep their letters, such as the round of a person's initials beside a name. */
const speaking = new Set();

/** Whether an element paints a box of its own. */
const paintsBox = (style) => !plain(style) || px(style.borderRightWidth) + px(style.borderBottomWidth) > 0 || style.boxShadow !== 'none';

/** The boxes of the lines of text in an element, each with the size of its letters and its node. */
function textBoxes(element) {
  const boxes = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (walker.nextNode()) {
    const { currentNode: node } = walker;
    if (node.data.trim() === '' || node.parentElement.closest('svg')) continue;
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) if (box.width > 0.1) boxes.push({ node, box, size: px(styleOf(node.parentElement).fontSize) });
  }
  return boxes;
}

/** Whether all text of an element stands in one line, in boxes that can be drawn without it. */
function isOneLine(element) {
  const boxes = textBoxes(element);
  if (boxes.length === 0) return false;
  const middle = ({ box }) => (box.top + box.bottom) / 2;
  const main = boxes.reduce((one, other) => (other.size > one.size ? other : one));
  if (boxes.some((each) => Math.abs(middle(each) - middle(main)) > main.size * 0.5)) return false;
  // Side by side, from the left to the right.
  if (boxes.some(({ box }, index) => index > 0 && box.left < boxes[index - 1].box.right - 1)) return false;
  return [element, ...element.querySelectorAll('*')].every((part) => part.closest('svg') || part.textContent.trim() === '' || isPlainPart(part));
}

/** Whether nothing about an element asks for its text to be apart. */
function isPlainPart(element) {
  const style = styleOf(element);
  if (style.display === 'none') return true;
  if (isReplaced(element) || /^(ul|ol|table|details)$/.test(element.localName) || isOut(style) || style.visibility !== 'visible') return false;
  if (stacks(element, style).own || unmapped(element, style) || style.writingMode !== 'horizontal-tb' || style.direction === 'rtl') return false;
  return style.overflowX === 'visible' || element.scrollWidth <= element.clientWidth + 1;
}

const canFlow = (element) => /^inline-(block|flex|grid)$/.test(styleOf(element).display) && isOneLine(element);

/** Lets the letters of an element, and of all boxes in it, be those of the text around it. */
function letFlow(element, marked = []) {
  for (const part of [element, ...element.querySelectorAll('*')]) {
    if (part.closest('svg') || isReplaced(part) || flowing.has(part)) continue;
    flowing.add(part);
    marked.push(part);
  }
}

/** The boxes in a run of inline nodes that can flow, and `null` for each piece of text between them. */
function partsInLine(nodes, parts = []) {
  for (const node of nodes) {
    if (node.nodeType === Node.TEXT_NODE) {
      if (node.data.trim() !== '') parts.push(null);
    } else if (node.nodeType === Node.ELEMENT_NODE) {
      const style = styleOf(node);
      if (style.display === 'none' || isOut(style) || isReplaced(node)) continue;
      if (style.display === 'inline' || style.display === 'contents') partsInLine(node.childNodes, parts);
      else if (canFlow(node)) parts.push(node);
    }
  }
  return parts;
}

/** Lets boxes flow that stand in the midst of text: cut there, the text would be one no more. */
function letBadgesFlow(nodes) {
  const parts = partsInLine(nodes);
  const [first, last] = [parts.indexOf(null), parts.lastIndexOf(null)];
  if (!parts.some((part, index) => part && index > first && index < last) || first < 0) return;
  for (const part of parts) if (part) letFlow(part);
}

/** The boxes in an element that flow and stand in none that does. */
const outermostFlowing = (element) => [...element.querySelectorAll('*')].filter((part) => flowing.has(part) && !flowing.has(part.parentElement));
