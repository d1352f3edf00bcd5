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
