// Which font a piece of text is really drawn with. Works in any engine: a font that is there changes the width
// of a text that falls back to something else.

const PROBE = 'mmmmmmmmmlliWQ@0123 Agfy&';
const GENERIC = {
  'sans-serif': ['Arial', 'Helvetica', 'Helvetica Neue', 'Segoe UI', 'DejaVu Sans', 'Liberation Sans', 'Noto Sans', 'Open Sans', 'Roboto', 'Ubuntu', 'Cantarell', 'Verdana', 'Tahoma'],
  serif: ['Times New Roman', 'Times', 'DejaVu Serif', 'Liberation Serif', 'Noto Serif', 'Georgia', 'Cambria'],
  monospace: ['Courier New', 'Consolas', 'Menlo', 'DejaVu Sans Mono', 'Liberation Mono', 'Noto Sans Mono', 'Courier', 'Cascadia Mono', 'Ubuntu Mono'],
  cursive: ['Comic Sans MS', 'Apple Chancery', 'URW Chancery L', 'DejaVu Sans', 'DejaVu Serif'],
  fantasy: ['Impact', 'Papyrus', 'DejaVu Sans', 'DejaVu Serif'],
};
const GENERIC_OF = {
  'ui-sans-serif': 'sans-serif', 'system-ui': 'sans-serif', '-apple-system': 'sans-serif', blinkmacsystemfont: 'sans-serif', 'ui-rounded': 'sans-serif',
  'ui-serif': 'serif', 'ui-monospace': 'monospace', math: 'serif', 'sans-serif': 'sans-serif', serif: 'serif', monospace: 'monospace', cursive: 'cursive', fantasy: 'fantasy',
};
const EAST_ASIAN = {
  sans: {
    zh: ['Noto Sans CJK SC', 'Noto Sans SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei', 'WenQuanYi Micro Hei', 'WenQuanYi Zen Hei', 'SimHei'],
    tw: ['Noto Sans CJK TC', 'Noto Sans TC', 'PingFang TC', 'Microsoft JhengHei'],
    ja: ['Noto Sans CJK JP', 'Noto Sans JP', 'Hiragino Sans', 'Yu Gothic', 'Meiryo', 'MS PGothic'],
    ko: ['Noto Sans CJK KR', 'Noto Sans KR', 'Apple SD Gothic Neo', 'Malgun Gothic'],
  },
  serif: {
    zh: ['Noto Serif CJK SC', 'Noto Serif SC', 'Source Han Serif SC', 'Songti SC', 'SimSun'],
    tw: ['Noto Serif CJK TC', 'Songti TC', 'PMingLiU'],
    ja: ['Noto Serif CJK JP', 'Hiragino Mincho ProN', 'Yu Mincho', 'MS PMincho'],
    ko: ['Noto Serif CJK KR', 'AppleMyungjo', 'Batang'],
  },
};
/** Fonts for Chinese, Japanese and Korean that come with other systems; their letters are squares, as wide as any other's. */
const ELSEWHERE = {
  zh: /^(Microsoft YaHei|SimSun|NSimSun|SimHei|DengXian|KaiTi|FangSong|STHeiti|STSong|STKaiti|Heiti SC|Songti SC|Kaiti SC|PingFang SC|Hiragino Sans GB|微软雅黑|宋体|黑体|等线|楷体|仿宋|苹方)/i,
  tw: /^(Microsoft JhengHei|P?MingLiU|DFKai-SB|PingFang (TC|HK)|Heiti TC|Songti TC|微軟正黑體|新細明體|標楷體)/i,
  ja: /^(Meiryo|Yu (Gothic|Mincho)|MS P?(Gothic|Mincho)|Hiragino (Sans|Kaku|Mincho|Maru)|メイリオ|游ゴシック|游明朝|ヒラギノ)/i,
  ko: /^(Malgun Gothic|Batang|Gulim|Dotum|Apple SD Gothic Neo|AppleMyungjo|Nanum|맑은 고딕|바탕|굴림|돋움)/i,
};
/** Those of Windows, which its office programs bring to other systems, too. */
const OF_OFFICE = /^(Microsoft|N?Sim|Deng|KaiTi|FangSong|P?MingLiU|DFKai|Meiryo|Yu |MS |Malgun|Batang|Gulim|Dotum|微|宋|黑|等|楷|仿|新|標|メ|游|맑|바|굴|돋)/i;
const EMOJI = ['Apple Color Emoji', 'Segoe UI Emoji', 'Noto Color Emoji', 'Twemoji Mozilla'];
const ICONS = /\b(font ?awesome|material (icons|symbols)|bootstrap-icons|remixicon|ionicons|lucide|phosphor)\b/i;

const widths = new Map();
const available = new Map();
const resolved = new Map();
const metricsOf = new Map();
/** What a slide asked for and did not get: wanted name to used name. */
let substitutes = new Map();

/** Fonts that a slide uses and the page brings along: a presentation does not hold them. */
let brought = new Set();

/** Whether a family is a font file of the page's own. */
const isBrought = (name) => !ICONS.test(name) && [...document.fonts].some((face) => face.status === 'loaded' && face.family.replace(/^["']|["']$/g, '') === name);

/** What is measured stands in the document, for generic families depend on its language, and outside of its body. */
let ruler;
function widthIn(families) {
  let width = widths.get(families);
  if (width === undefined) {
    if (!ruler) {
      ruler = document.createElement('okcvm-ruler');
      ruler.textContent = PROBE;
      document.documentElement.append(ruler);
    }
    ruler.style.cssText = 'position: absolute; left: 0; top: 0; visibility: hidden; white-space: pre; letter-spacing: normal; word-spacing: normal; text-transform: none; font-feature-settings: normal;';
    ruler.style.font = `64px ${families}`;
    ({ width } = ruler.getBoundingClientRect());
    widths.set(families, width);
  }
  return width;
}

/** Whether a family can be drawn, be it installed or brought by the page. */
function isAvailable(name) {
  let known = available.get(name);
  if (known === undefined) {
    const quoted = `"${name.replace(/["\\]/g, '')}"`;
    known = ['monospace', 'serif', 'sans-serif'].some((generic) => widthIn(`${quoted}, ${generic}`) !== widthIn(generic));
    // A font that is a generic one itself has that one's width everywhere; then all three agree.
    if (!known) known = widthIn(`${quoted}, monospace`) === widthIn(`${quoted}, serif`) && widthIn(`${quoted}, serif`) === widthIn(`${quoted}, sans-serif`);
    available.set(name, known);
  }
  return known;
}

/** The real name behind a generic family: of those that are known, the one that is as wide. */
function realName(generic, width) {
  const latin = GENERIC[generic] ?? GENERIC['sans-serif'];
  // In an East Asian page the generic families are East Asian ones.
  const known = [...latin, ...Object.values(EAST_ASIAN[generic === 'serif' ? 'serif' : 'sans']).flat()];
  return known.find((candidate) => isAvailable(candidate) && Math.abs(widthIn(`"${candidate}"`) - width) < 0.01);
}

/** `{ latin, serif, wanted }` for a `font-family`: what the whole list is drawn with, and what of it is not there. */
function fontOf(families) {
  let found = resolved.get(families);
  if (!found) {
    const names = pieces(families).map((name) => name.replace(/^["']|["']$/g, ''));
    const width = widthIn(families);
    let latin;
    let wanted;
    let generic;
    for (const name of names) {
      const kind = GENERIC_OF[name.toLowerCase()];
      if (kind) generic ??= kind;
      if (latin !== undefined) continue;
      if (kind) latin = realName(kind, width);
      else if (!isAvailable(name)) wanted ??= name;
      else if (Math.abs(widthIn(`"${name}"`) - width) < 0.01) latin = name;
    }
    // Without a generic family the engine takes what the system has for a name that is not there.
    const kinds = generic ? [generic] : ['serif', 'sans-serif', 'monospace'];
    for (const kind of kinds) latin ??= realName(kind, width);
    latin ??= GENERIC[kinds[0]].find(isAvailable) ?? 'Arial';
    const serif = (generic === 'serif' && !/sans/i.test(latin)) || /serif|times|georgia|garamond|song|ming|mincho|batang|playfair|merriweather|lora/i.test(latin.replace(/sans.?serif/i, ''));
    // What stands for a font of another system is nowhere but here: the presentation names the font that was asked for.
    const elsewhere = wanted && isEastAsian(latin) ? namedElsewhere(names) : undefined;
    found = { latin, written: elsewhere ?? latin, serif, wanted: elsewhere ? undefined : wanted };
    resolved.set(families, found);
  }
  if (found.wanted && !ICONS.test(found.wanted)) substitutes.set(found.wanted, found.latin);
  if (isBrought(found.latin)) brought.add(found.latin);
  return found;
}

const emojiFont = () => EMOJI.find(isAvailable) ?? 'Segoe UI Emoji';

const isEastAsian = (name) => /CJK|Source Han|WenQuanYi|(Noto|Source).* (SC|TC|JP|KR)$/i.test(name);

/** Of the families of a list the one of another system that most people have who read the language. */
function namedElsewhere(names, tongue) {
  const known = names.filter((name) => Object.entries(ELSEWHERE).some(([each, list]) => (tongue === undefined || tongue === each) && list.test(name)));
  return known.find((name) => OF_OFFICE.test(name)) ?? known[0];
}

const tongueOf = (text, language) => (/[\u3040-\u30ff]/.test(text) ? 'ja' : /[\uac00-\ud7af]/.test(text) ? 'ko' : /^zh-(tw|hk|hant)/i.test(language) ? 'tw' : (/^(ja|ko)/i.exec(language)?.[1].toLowerCase() ?? 'zh'));

/** The font that a presentation names for Chinese, Japanese and Korean letters: where the page's own is one of another system, that one. */
function eastAsianName(families, text, language, serif) {
  const drawn = eastAsianFont(families, text, language, serif);
  const names = pieces(families).map((name) => name.replace(/^["']|["']$/g, ''));
  return names.includes(drawn) ? drawn : (namedElsewhere(names, tongueOf(text, language)) ?? drawn);
}

/** The font that draws Chinese, Japanese and Korean letters: the one that the page names, or that of the language. */
function eastAsianFont(families, text, language, serif) {
  const named = pieces(families).map((name) => name.replace(/^["']|["']$/g, '')).find((name) => /CJK|Han |Hei|Song|Kai|Ming|Gothic|Mincho|PingFang|YaHei|Hiragino|Meiryo|Malgun|Batang|(Noto|Source).* (SC|TC|JP|KR)$/i.test(name) && !/century gothic|league gothic|franklin gothic/i.test(name) && isAvailable(name));
  if (named) {
    if (isBrought(named)) brought.add(named);
    return named;
  }
  const tongue = tongueOf(text, language);
  const list = EAST_ASIAN[serif ? 'serif' : 'sans'][tongue];
  return list.find(isAvailable) ?? EAST_ASIAN.sans[tongue].find(isAvailable) ?? list[0];
}

/** Pixels of a font that is measured: engines round them to whole ones. */
const LARGE = 2000;

/** Ascent and descent of a family as parts of its size. */
function metrics(family, weight = '400', slant = 'normal') {
  const key = `${slant} ${weight} ${family}`;
  let known = metricsOf.get(key);
  if (!known) {
    brush.font = `${slant} ${weight} ${LARGE}px ${/[",]/.test(family) ? family : `"${family}"`}`;
    const box = brush.measureText('Hg');
    known = { ascent: box.fontBoundingBoxAscent / LARGE, descent: box.fontBoundingBoxDescent / LARGE };
    metricsOf.set(key, known);
  }
  return known;
}
