(function () {
  'use strict';
  // A page of slides (elements of class `ppt-slide`) shows them one at a time, or all of them small, when the window
  // asks for it. The page stays as it is until then.
  if (window.parent === window) return;
  // Held from the start: a page may put something else in the place of `parent`.
  var host = window.parent;
  var MOST_SLIDES = 500;
  var MOST_TITLE = 120;
  var MOST_NOTES = 4000;
  var REPORTS = 100;
  var KEYS = 2000;
  var STYLE =
    // Nearly clear: the window's ground is seen, and the background of the body stays that of the slides.
    'html.okcvm-deck{overflow:hidden!important;background:rgba(0,0,0,.01)!important;height:100%!important}' +
    'html.okcvm-deck body{overflow:visible!important;transform-origin:0 0!important;transition:none!important}' +
    'html.okcvm-deck .ppt-slide aside.notes,html.okcvm-rail .ppt-slide aside.notes{display:none!important}' +
    'html.okcvm-rail,html.okcvm-rail body{background:transparent!important;margin:0!important;padding:0!important;' +
    'min-height:0!important;height:auto!important;display:block!important;width:auto!important;max-width:none!important}' +
    'html.okcvm-rail{scrollbar-width:thin;scrollbar-color:rgba(128,128,128,.5) transparent}' +
    'html.okcvm-rail body>:not(.okcvm-thumbs){display:none!important}' +
    '.okcvm-thumbs{display:flex;flex-direction:column;gap:10px;padding:8px}' +
    '.okcvm-thumb{position:relative;overflow:hidden;border-radius:4px;cursor:default;' +
    'box-shadow:0 0 0 1px rgba(128,128,128,.45)}' +
    '.okcvm-thumb[data-chosen]{box-shadow:0 0 0 2px var(--okcvm-accent,#1f8a7b)}' +
    '.okcvm-thumb>.okcvm-scaled{transform-origin:0 0;pointer-events:none}' +
    '.okcvm-thumb .ppt-slide{margin:0!important}' +
    '.okcvm-thumb>b{position:absolute;right:4px;bottom:4px;min-width:18px;padding:0 5px;border-radius:9px;' +
    'background:rgba(20,24,22,.78);color:#fff;font:600 11px/18px system-ui,sans-serif;text-align:center}';

  var asked = null;
  var reports = 0;
  var keys = 0;
  var last = '';
  var unhidden = [];

  function say(message) { host.postMessage(message, '*'); }
  function all() { return Array.prototype.slice.call(document.querySelectorAll('.ppt-slide'), 0, MOST_SLIDES); }
  function short(text, most) {
    var words = String(text || '').replace(/\s+/g, ' ').trim();
    return words.length > most ? words.slice(0, most - 1) + '…' : words;
  }
  // What is read of an element: a line a block.
  function textOf(element) {
    var lines = [''];
    function walk(node) {
      if (node.nodeType === 3) lines[lines.length - 1] += node.data.replace(/\s+/g, ' ');
      if (node.nodeType !== 1 || /^(script|style|template)$/.test(node.localName)) return;
      var block = /^(br|p|div|li|ul|ol|h[1-6]|tr|section|blockquote)$/.test(node.localName);
      if (block) lines.push('');
      node.childNodes.forEach(walk);
      if (block && node.localName !== 'br') lines.push('');
    }
    element.childNodes.forEach(walk);
    return lines.map(function (line) { return line.trim(); }).filter(Boolean).join('\n');
  }
  function titleOf(slide) {
    var heading = slide.querySelector('h1, h2, h3, [role=heading]');
    return short(textOf(heading || slide), MOST_TITLE);
  }
  function notesOf(slide) {
    var aside = slide.querySelector('aside.notes');
    var notes = slide.getAttribute('data-notes') || (aside ? textOf(aside) : '');
    return String(notes || '').trim().slice(0, MOST_NOTES);
  }

  // Left out when slides are presented, as a conversion marks it.
  function isHidden(slide) {
    return slide.hidden || slide.getAttribute('data-hidden') === 'true' || slide.getAttribute('data-visibility') === 'hidden';
  }

  function report() {
    var slides = all();
    var described = slides.map(function (slide) {
      var words = { title: titleOf(slide), notes: notesOf(slide) };
      if (isHidden(slide)) words.hidden = true;
      return words;
    });
    var words = JSON.stringify(described);
    if (words === last || reports >= REPORTS) return;
    last = words;
    reports += 1;
    say({ okcvm: 'deck', slides: described });
  }

  function dress() {
    if (document.getElementById('okcvm-deck-style')) return;
    var style = document.createElement('style');
    style.id = 'okcvm-deck-style';
    style.textContent = STYLE;
    (document.head || document.documentElement).appendChild(style);
  }
  function important(element, name, value) { element.style.setProperty(name, value, 'important'); }

  function plain() {
    document.documentElement.classList.remove('okcvm-deck');
    document.documentElement.style.removeProperty('clip-path');
    ['transform', 'background'].forEach(function (name) { document.body.style.removeProperty(name); });
    unhidden.forEach(function (slide) { slide.style.removeProperty('display'); });
    unhidden = [];
  }

  // One slide: the whole page is moved and scaled so that the slide fills the frame, and cut at its edges. The page's
  // own layout stays as it is, whatever it is made of.
  function showOne(index) {
    var slides = all();
    var slide = slides[Math.min(Math.max(0, index), slides.length - 1)];
    if (!slide) return;
    plain();
    document.documentElement.classList.add('okcvm-deck');
    window.scrollTo(0, 0);
    if (getComputedStyle(slide).display === 'none') {
      important(slide, 'display', 'block');
      unhidden.push(slide);
    }
    var body = document.body;
    important(body, 'transform', 'none');
    var at = slide.getBoundingClientRect();
    var base = body.getBoundingClientRect();
    if (at.width < 1 || at.height < 1) return;
    var scale = Math.min(window.innerWidth / at.width, window.innerHeight / at.height);
    var left = at.left - base.left;
    var top = at.top - base.top;
    var x = (window.innerWidth - at.width * scale) / 2;
    var y = (window.innerHeight - at.height * scale) / 2;
    important(body, 'transform', 'translate(' + (x - left * scale - base.left) + 'px,' +
      (y - top * scale - base.top) + 'px) scale(' + scale + ')');
    // The root is cut and not the body: WebKit cuts what is drawn by layers of its own (films, filters of what is
    // behind, turned or faded parts) at the box of the element as well, and that of the body may end within the slide.
    var root = document.documentElement;
    var frame = root.getBoundingClientRect();
    x -= frame.left;
    y -= frame.top;
    var right = x + at.width * scale;
    var bottom = y + at.height * scale;
    important(root, 'clip-path', 'polygon(' + x + 'px ' + y + 'px,' + right + 'px ' + y + 'px,' +
      right + 'px ' + bottom + 'px,' + x + 'px ' + bottom + 'px)');
  }

  // All slides: each in a box of its own, as small as the frame is wide.
  function showAll(index, accent) {
    var list = document.querySelector('.okcvm-thumbs');
    if (!list) {
      list = document.createElement('div');
      list.className = 'okcvm-thumbs';
      all().forEach(function (slide, number) {
        var parent = getComputedStyle(slide.parentElement || document.body);
        var width = slide.offsetWidth || 1024;
        var height = slide.offsetHeight || 576;
        var thumb = document.createElement('div');
        thumb.className = 'okcvm-thumb';
        if (isHidden(slide)) thumb.style.opacity = '0.5';
        thumb.setAttribute('data-width', width);
        thumb.setAttribute('data-height', height);
        var scaled = document.createElement('div');
        scaled.className = 'okcvm-scaled';
        ['color', 'font-family', 'font-size', 'font-weight', 'line-height', 'letter-spacing', 'text-align', 'direction']
          .forEach(function (name) { scaled.style.setProperty(name, parent.getPropertyValue(name)); });
        scaled.style.width = width + 'px';
        scaled.style.height = height + 'px';
        if (getComputedStyle(slide).display === 'none') important(slide, 'display', 'block');
        var label = document.createElement('b');
        label.textContent = String(number + 1);
        scaled.appendChild(slide);
        thumb.appendChild(scaled);
        thumb.appendChild(label);
        thumb.addEventListener('click', function () {
          if (keys < KEYS) { keys += 1; say({ okcvm: 'deck-pick', index: number }); }
        });
        list.appendChild(thumb);
      });
      document.body.appendChild(list);
      document.documentElement.classList.add('okcvm-rail');
    }
    if (/^#[0-9a-f]{3,8}$/i.test(accent || '')) list.style.setProperty('--okcvm-accent', accent);
    var room = Math.max(40, document.documentElement.clientWidth - 16);
    Array.prototype.forEach.call(list.children, function (thumb, number) {
      var width = Number(thumb.getAttribute('data-width'));
      var scale = room / width;
      thumb.style.height = Number(thumb.getAttribute('data-height')) * scale + 'px';
      thumb.firstChild.style.transform = 'scale(' + scale + ')';
      if (number === index) {
        thumb.setAttribute('data-chosen', '');
        thumb.scrollIntoView({ block: 'nearest' });
      } else thumb.removeAttribute('data-chosen');
    });
  }

  function apply() {
    if (!asked || !document.body) return;
    dress();
    if (asked.rail) showAll(asked.show, asked.accent);
    else if (asked.show >= 0) showOne(asked.show);
    else plain();
  }
  // A style that comes late (Tailwind, a font, a picture) changes where a slide is.
  var soon = 0;
  function later() {
    if (!asked || asked.rail || soon) return;
    soon = requestAnimationFrame(function () { soon = 0; apply(); });
  }

  window.addEventListener('message', function (event) {
    var data = event.data;
    if (event.source !== host || !data || data.okcvm !== 'deck') return;
    event.stopImmediatePropagation();
    asked = { show: typeof data.show === 'number' ? data.show : -1, rail: data.rail === true, accent: String(data.accent || '') };
    apply();
  });
  window.addEventListener('resize', function () { if (asked) apply(); });
  // The keys of slides, which the page has as long as it has the focus. What is typed into a field stays there.
  var TURNS = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End', ' ', 'f', 'p'];
  var FIELDS = 'input, textarea, select, audio, video, [contenteditable]:not([contenteditable=false])';
  window.addEventListener('keydown', function (event) {
    if (!asked || asked.show < 0 || !event.isTrusted || event.isComposing) return;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    var key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key !== 'Escape') {
      if (TURNS.indexOf(key) < 0 || keys >= KEYS) return;
      var target = event.target;
      if (target && target.closest && target.closest(key === ' ' ? FIELDS + ', a, button, summary' : FIELDS)) return;
      keys += 1;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    say({ okcvm: 'deck-key', key: key });
  }, true);

  function start() {
    report();
    apply();
    if (typeof ResizeObserver === 'function') {
      var watch = new ResizeObserver(later);
      all().forEach(function (slide) { watch.observe(slide); });
    }
    var timer = 0;
    new MutationObserver(function () {
      clearTimeout(timer);
      timer = setTimeout(report, 250);
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  }
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
  window.addEventListener('load', function () { report(); if (asked) apply(); });
})();
