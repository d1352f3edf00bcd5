// Pages made for version 3 set `tailwind.config`; version 4 takes a theme from CSS. Colours, fonts and plain lengths
// of such a configuration become that theme; what has no counterpart is left out.
(function () {
  'use strict';
  if (window.tailwind) return;
  var SECTIONS = {
    colors: 'color', fontFamily: 'font', spacing: 'spacing', borderRadius: 'radius', boxShadow: 'shadow',
    maxWidth: 'container', screens: 'breakpoint', letterSpacing: 'tracking', lineHeight: 'leading'
  };
  function lines(prefix, value, out) {
    if (typeof value === 'string' || typeof value === 'number') out.push('--' + prefix + ':' + value + ';');
    else if (Array.isArray(value)) out.push('--' + prefix + ':' + value.filter(function (part) {
      return typeof part === 'string';
    }).join(',') + ';');
    else if (value && typeof value === 'object') Object.keys(value).forEach(function (name) {
      lines(name === 'DEFAULT' ? prefix : prefix + '-' + name.replace(/[^\w-]/g, '_'), value[name], out);
    });
  }
  // What version 3 had and version 4 has not: the colour of a border without one, opacity as a class of its own.
  var asked = document.currentScript ? decodeURIComponent(document.currentScript.src) : '';
  if (/cdn\.tailwindcss\.com/.test(asked) && !/cdn\.tailwindcss\.com\/4/.test(asked)) {
    var three = document.createElement('style');
    three.type = 'text/tailwindcss';
    three.textContent = '@layer base{*,::after,::before{border-color:var(--color-gray-200,currentColor)}}' +
      '@utility flex-shrink{flex-shrink:1}@utility flex-shrink-0{flex-shrink:0}@utility flex-grow{flex-grow:1}' +
      '@utility flex-grow-0{flex-grow:0}@utility overflow-ellipsis{text-overflow:ellipsis}';
    document.head.appendChild(three);
    var faded = function (element) {
      var classes = (element.getAttribute('class') || '').split(/\s+/);
      classes.forEach(function (name) {
        var found = /^((?:[\w-]+:)*(?:bg|text|border|divide|ring|placeholder))-opacity-(\d+)$/.exec(name);
        if (!found) return;
        classes = classes.filter(function (other) { return other !== name; }).map(function (other) {
          var plain = other.slice(0, found[1].length + 1) === found[1] + '-' && other.slice(found[1].length + 1);
          return plain && /^(black|white|[a-z]+-\d{2,3}|\[#\w+\])$/.test(plain) ? other + '/' + found[2] : other;
        });
        element.setAttribute('class', classes.join(' '));
      });
    };
    var look = function (root) {
      root.querySelectorAll('[class*="-opacity-"]').forEach(faded);
    };
    look(document);
    new MutationObserver(function (changes) {
      changes.forEach(function (change) {
        change.addedNodes.forEach(function (node) {
          if (node.nodeType !== 1) return;
          if (/-opacity-/.test(node.getAttribute('class') || '')) faded(node);
          look(node);
        });
      });
    }).observe(document, { childList: true, subtree: true });
  }
  var style = null;
  var config = {};
  window.tailwind = {
    get config() { return config; },
    set config(given) {
      config = given || {};
      var out = [];
      [config.theme, config.theme && config.theme.extend].forEach(function (theme) {
        Object.keys(SECTIONS).forEach(function (name) {
          if (theme && theme[name]) lines(SECTIONS[name], theme[name], out);
        });
      });
      var dark = config.darkMode === 'class' ? '@custom-variant dark (&:where(.dark, .dark *));' : '';
      if (!style) {
        style = document.createElement('style');
        style.type = 'text/tailwindcss';
      }
      style.textContent = dark + '@theme{' + out.join('') + '}';
      if (!style.parentNode) document.head.appendChild(style);
    }
  };
})();
