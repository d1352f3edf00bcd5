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

  document.addEventListener('securitypolicyviolation', function (event) {
    blocked(event.effectiveDirective || event.violatedDirective, event.blockedURI);
  });
  window.addEventListener('error', function (event) {
    var target = event.target;
    if (target && target !== window && target.nodeType === 1) {
      // Sound and film fail first and are loaded in another way below, which reports for itself.
      if (!OVER_HTTP && target.closest('audio, video')) return;
      log('error', 'Could not load ' + (target.currentSrc || target.src || target.href || target.tagName));
    } else {
      var inPage = event.filename === location.href.split('#')[0];
      var line = event.lineno - (inPage ? LINES : 0);
      log('error', event.message + (event.filename ? ' (' + event.filename + ':' + line + ')' : ''));
    }
  }, true);
  window.addEventListener('unhandledrejection', function (event) {
    log('error', event.reason && event.reason.message ? event.reason.message : event.reason);
  });
  ['error', 'warn'].forEach(function (level) {
    var native = console[level];
    console[level] = function () {
      log(level, Array.prototype.map.call(arguments, function (argument) {
        return argument && argument.message ? argument.message : text(argument);
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
  window.fetch = function (input, options) { return nativeFetch.call(window, inSite(input), options); };
  var nativeOpen = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function () {
    if (arguments.length > 1) arguments[1] = inSite(arguments[1]);
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
