(function () {
  'use strict';
  // The address of this preview, up to and with the slash after its token.
  var SITE = '__SITE__';
  var TOP = SITE.slice(SITE.indexOf('/', SITE.indexOf('://') + 3));
  // Lines of this script, by which the page's own lines are moved down.
  var LINES = __LINES__;
  var MESSAGES = 200;
  var CHARACTERS = 1000;
  var PART = 16 * 1024 * 1024;
  var OVER_HTTP = location.protocol === 'http:' || location.protocol === 'https:';
  var own = document.currentScript;
  if (own) own.remove();

  // Reports to the window, bounded, and without the token.
  var sent = 0;
  var MOVES = 500;
  var moves = 0;
  function text(value) {
    var words;
    try { words = String(value); } catch (_) { words = 'a value without text'; }
    words = words.split(SITE).join('/').split(TOP).join('/');
    return words.length > CHARACTERS ? words.slice(0, CHARACTERS) + '…' : words;
  }
  function tell(message) {
    if (window.parent === window || sent >= MESSAGES) return;
    sent += 1;
    window.parent.postMessage(message, '*');
  }
  function blocked(directive, uri) { tell({ okcvm: 'blocked', directive: text(directive), uri: text(uri) }); }
  function log(level, words) { tell({ okcvm: 'console', level: level, text: text(words) }); }
  function failed(uri, status) { tell({ okcvm: 'failed', uri: text(uri), status: status }); }

  // Where the page is within the site, so that the window can lead back and forward.
  function moved() {
    if (window.parent === window || moves >= MOVES) return;
    moves += 1;
    var path = location.href.indexOf(SITE) === 0 ? location.href.slice(SITE.length) : '';
    window.parent.postMessage(
      { okcvm: 'navigated', path: path.slice(0, 2 * CHARACTERS), title: text(document.title) }, '*');
  }
  document.addEventListener('DOMContentLoaded', moved);
  window.addEventListener('hashchange', moved);
  window.addEventListener('popstate', moved);
  ['pushState', 'replaceState'].forEach(function (name) {
    var native = history[name];
    history[name] = function () {
      var before = location.href;
      var answer = native.apply(history, arguments);
      if (location.href !== before) moved();
      return answer;
    };
  });

  // What the window asks for: to tell how far the page is scrolled, and to scroll as far as another one.
  var following = false;
  var waiting = false;
  var placed = null;
  function room(side) {
    var root = document.scrollingElement || document.documentElement;
    return side === 'x' ? root.scrollWidth - root.clientWidth : root.scrollHeight - root.clientHeight;
  }
  function part(offset, most) { return most > 0 ? Math.min(1, Math.max(0, offset / most)) : 0; }
  window.addEventListener('message', function (event) {
    var asked = event.data;
    if (event.source !== window.parent || !asked || typeof asked !== 'object') return;
    if (asked.okcvm === 'follow') following = asked.on === true;
    else if (asked.okcvm === 'scroll-to') {
      placed = { x: Number(asked.x) * room('x'), y: Number(asked.y) * room('y') };
      window.scrollTo({ left: placed.x, top: placed.y, behavior: 'instant' });
    } else return;
    event.stopImmediatePropagation();
  });
  document.addEventListener('scroll', function () {
    if (!following || waiting) return;
    waiting = true;
    requestAnimationFrame(function () {
      waiting = false;
      // What the window asked for is no news to it.
      if (placed && Math.abs(window.scrollY - placed.y) < 2 && Math.abs(window.scrollX - placed.x) < 2) return;
      placed = null;
      window.parent.postMessage(
        { okcvm: 'scrolled', x: part(window.scrollX, room('x')), y: part(window.scrollY, room('y')) }, '*');
    });
  }, { passive: true });

  document.addEventListener('securitypolicyviolation', function (event) {
    blocked(event.effectiveDirective || event.violatedDirective, event.blockedURI);
  });
  window.addEventListener('error', function (event) {
    var target = event.target;
    if (target && target !== window && target.nodeType === 1) {
      // Sound and film fail first and are loaded in another way below, which reports for itself.
      if (!OVER_HTTP && target.closest('audio, video')) return;
      failed(target.currentSrc || target.src || target.href || target.tagName, 0);
    } else {
      var inPage = event.filename === location.href.split('#')[0];
      var line = event.lineno - (inPage ? LINES : 0);
      log('error', event.message + (event.filename ? ' (' + event.filename + ':' + line + ')' : ''));
    }
  }, true);
  window.addEventListener('unhandledrejection', function (event) {
    log('error', event.reason && event.reason.message ? event.reason.message : event.reason);
  });
  ['error', 'warn', 'info', 'log', 'debug'].forEach(function (level) {
    var native = console[level];
    console[level] = function () {
      log(level, Array.prototype.map.call(arguments, function (argument) {
        if (argument && argument.message) return argument.message;
        if (typeof argument !== 'object' || argument === null) return text(argument);
        try { return text(JSON.stringify(argument)); } catch (_) { return text(argument); }
      }).join(' '));
      return native.apply(console, arguments);
    };
  });

  // Storage does not exist in a page without an origin. The page gets the browser's error; the window is told.
  [[window, 'localStorage'], [window, 'sessionStorage'], [window, 'indexedDB'], [Document.prototype, 'cookie']]
    .forEach(function (entry) {
      try {
        Object.defineProperty(entry[0], entry[1], {
          configurable: true,
          get: function () {
            blocked('storage', entry[1]);
            throw new DOMException('Storage is not available in the preview.', 'SecurityError');
          },
          set: function () { blocked('storage', entry[1]); }
        });
      } catch (_) { /* The browser's own error is reported as any other. */ }
    });

  // Addresses that begin with a slash mean the top of the site.
  function inSite(address) {
    return typeof address === 'string' && /^\/(?![\/\\])/.test(address) && address.indexOf(TOP) !== 0
      ? TOP + address.slice(1) : address;
  }
  var nativeFetch = window.fetch;
  window.fetch = function (input, options) {
    var address = input && input.url ? input.url : input;
    return nativeFetch.call(window, inSite(input), options).then(function (answer) {
      if (!answer.ok && answer.type !== 'opaque') failed(address, answer.status);
      return answer;
    }, function (error) {
      if (!error || error.name !== 'AbortError') failed(address, 0);
      throw error;
    });
  };
  var nativeOpen = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function () {
    if (arguments.length > 1) arguments[1] = inSite(arguments[1]);
    var address = arguments[1];
    this.addEventListener('load', function () { if (this.status >= 400) failed(address, this.status); });
    this.addEventListener('error', function () { failed(address, 0); });
    return nativeOpen.apply(this, arguments);
  };

  // WebKitGTK plays nothing from a custom scheme: sound and film are fetched and played from memory.
  if (OVER_HTTP) return;
  var source = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'src');
  var nativePlay = HTMLMediaElement.prototype.play;
  var loading = new WeakMap();

  function whole(address) {
    return nativeFetch.call(window, address).then(function (answer) {
      if (answer.ok) return answer.blob();
      if (answer.status !== 413) throw new Error('Could not load ' + address);
      return parts(address, 0, []);
    });
  }
  function parts(address, from, have) {
    var range = { headers: { Range: 'bytes=' + from + '-' + (from + PART - 1) } };
    return nativeFetch.call(window, address, range).then(function (answer) {
      if (answer.status !== 206) throw new Error('Could not load ' + address);
      var size = Number((answer.headers.get('Content-Range') || '').split('/')[1]);
      return answer.blob().then(function (part) {
        have.push(part);
        var next = from + part.size;
        if (part.size > 0 && next < size) return parts(address, next, have);
        return new Blob(have, { type: part.type });
      });
    });
  }
  function play(element, address) {
    var full = new URL(inSite(address), document.baseURI).href;
    if (full.indexOf(SITE) !== 0) return false;
    var load = whole(full).then(function (blob) {
      if (loading.get(element) !== load) return;
      var before = source.get.call(element);
      source.set.call(element, URL.createObjectURL(blob));
      if (before.indexOf('blob:') === 0) URL.revokeObjectURL(before);
    }, function (error) { log('error', error.message); });
    loading.set(element, load);
    return true;
  }
  Object.defineProperty(HTMLMediaElement.prototype, 'src', {
    configurable: true,
    enumerable: true,
    get: source.get,
    set: function (address) { if (!play(this, String(address))) source.set.call(this, address); }
  });
  var nativeSetAttribute = Element.prototype.setAttribute;
  HTMLMediaElement.prototype.setAttribute = function (name, value) {
    if (String(name).toLowerCase() === 'src' && play(this, String(value))) return;
    nativeSetAttribute.call(this, name, value);
  };
  HTMLMediaElement.prototype.play = function () {
    var element = this;
    var load = loading.get(element);
    return load ? load.then(function () { return nativePlay.call(element); }) : nativePlay.call(element);
  };
  window.Audio = function (address) {
    var element = document.createElement('audio');
    element.preload = 'auto';
    if (address !== undefined) element.src = address;
    return element;
  };
  window.Audio.prototype = HTMLAudioElement.prototype;

  function prepare(element) {
    if (loading.has(element)) return;
    var address = element.getAttribute('src');
    if (!address) {
      var child = Array.prototype.find.call(element.querySelectorAll('source[src]'), function (candidate) {
        return !candidate.type || element.canPlayType(candidate.type) !== '';
      });
      address = child && child.getAttribute('src');
    }
    if (address && !/^(blob|data):/i.test(address)) play(element, address);
  }
  new MutationObserver(function (records) {
    records.forEach(function (record) {
      Array.prototype.forEach.call(record.addedNodes, function (node) {
        if (node.nodeType !== 1) return;
        var media = node.closest('audio, video');
        if (media) prepare(media);
        Array.prototype.forEach.call(node.querySelectorAll('audio, video'), prepare);
      });
    });
  }).observe(document, { childList: true, subtree: true });
})();
