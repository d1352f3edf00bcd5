// Which system this is, how it installs packages, and which package brings what.
// Run so far on Debian 12; Ubuntu takes the same list. The others are marked as not run, and say it when they are used.
import { existsSync, readFileSync } from 'node:fs';

function linuxFamily() {
  if (!existsSync('/etc/os-release')) return undefined;
  const fields = new Map(
    readFileSync('/etc/os-release', 'utf8')
      .split('\n')
      .map((line) => line.match(/^([A-Z_]+)="?([^"]*)"?$/))
      .filter((match) => match !== null)
      .map((match) => [match[1], match[2]]),
  );
  const names = [fields.get('ID'), ...(fields.get('ID_LIKE') ?? '').split(' ')];
  return ['debian', 'ubuntu', 'fedora', 'rhel', 'arch'].find((family) => names.includes(family));
}

const systems = {
  debian: {
    name: 'Debian or Ubuntu',
    proven: true,
    // A bare machine may have no package lists yet.
    commands: (packages) => [
      ['apt-get', 'update'],
      ['apt-get', 'install', '-y', '--no-install-recommends', ...packages],
    ],
  },
  fedora: {
    name: 'Fedora',
    proven: false,
    commands: (packages) => [['dnf', 'install', '-y', ...packages]],
  },
  arch: {
    name: 'Arch Linux',
    proven: false,
    commands: (packages) => [['pacman', '-S', '--needed', '--noconfirm', ...packages]],
  },
  macos: {
    name: 'macOS',
    proven: false,
    commands: (packages) =>
      packages.map((name) => (name === 'xcode' ? ['xcode-select', '--install'] : ['brew', 'install', name])),
    withoutRoot: true,
  },
  windows: {
    name: 'Windows',
    proven: false,
    commands: (packages) =>
      packages.map((name) =>
        name === 'Microsoft.VisualStudio.2022.BuildTools'
          ? [
              'winget',
              'install',
              '--id',
              name,
              '-e',
              '--override',
              '"--passive --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"',
            ]
          : ['winget', 'install', '--id', name, '-e'],
      ),
    withoutRoot: true,
  },
};

/** The key of this system in the tables, or undefined on one that has no list. */
export function systemKey() {
  if (process.platform === 'darwin') return 'macos';
  if (process.platform === 'win32') return 'windows';
  if (process.platform !== 'linux') return undefined;
  const family = linuxFamily();
  if (family === 'ubuntu') return 'debian';
  if (family === 'rhel') return 'fedora';
  return family;
}

export function systemOf(key) {
  return systems[key];
}

/**
 * What the verbs need. `probe` finds out whether it is there by what it does, not by the name of a package;
 * `packages` names what brings it, by system; a system that is not named does not need it. `for` lists the
 * purposes: `engine` (all but the window), `build`, `run`, `picture` (a window on a machine without a display),
 * `test`, `bench`, `slides` (the benchmark of slides).
 */
export const requirements = [
  {
    what: 'a C compiler and linker',
    for: ['engine', 'build'],
    probe: { program: process.platform === 'win32' ? 'link' : 'cc' },
    packages: {
      debian: ['build-essential'],
      fedora: ['gcc', 'gcc-c++', 'make'],
      arch: ['base-devel'],
      macos: ['xcode'],
      windows: ['Microsoft.VisualStudio.2022.BuildTools'],
    },
  },
  {
    what: 'pkg-config',
    for: ['build'],
    probe: { program: 'pkg-config' },
    packages: { debian: ['pkg-config'], fedora: ['pkgconf-pkg-config'], arch: ['pkgconf'] },
  },
  {
    what: 'WebKitGTK 4.1 with its headers',
    for: ['build'],
    probe: { pkgConfig: 'webkit2gtk-4.1' },
    packages: { debian: ['libwebkit2gtk-4.1-dev'], fedora: ['webkit2gtk4.1-devel'], arch: ['webkit2gtk-4.1'] },
  },
  {
    what: 'the fonts that the decks of the tests are set in',
    for: ['test', 'slides'],
    probe: { command: ['fc-list', 'Liberation Sans', 'family'], answers: /\S/ },
    packages: {
      debian: ['fontconfig', 'fonts-liberation'],
      fedora: ['fontconfig', 'liberation-fonts'],
      arch: ['fontconfig', 'ttf-liberation'],
    },
  },
  {
    what: 'a font with Chinese characters',
    for: ['run', 'picture', 'test', 'slides'],
    probe: { command: ['fc-list', ':lang=zh', 'family'], answers: /\S/ },
    packages: {
      debian: ['fontconfig', 'fonts-noto-cjk'],
      fedora: ['fontconfig', 'google-noto-sans-cjk-fonts'],
      arch: ['fontconfig', 'noto-fonts-cjk'],
    },
  },
  {
    what: 'a virtual display (Xvfb)',
    for: ['picture', 'test', 'slides'],
    probe: { program: 'Xvfb' },
    packages: { debian: ['xvfb'], fedora: ['xorg-x11-server-Xvfb'], arch: ['xorg-server-xvfb'] },
  },
  {
    what: 'pictures of the display (ImageMagick)',
    for: ['picture', 'test'],
    probe: { program: 'import' },
    packages: { debian: ['imagemagick'], fedora: ['ImageMagick'], arch: ['imagemagick'] },
  },
  {
    what: 'a private message bus (D-Bus)',
    for: ['picture', 'test'],
    probe: { programs: ['dbus-run-session', 'dbus-send'] },
    packages: { debian: ['dbus'], fedora: ['dbus-daemon', 'dbus-tools'], arch: ['dbus'] },
  },
  {
    what: 'the WebDriver of WebKitGTK',
    for: ['test'],
    probe: { program: 'WebKitWebDriver' },
    packages: { debian: ['webkit2gtk-driver'], fedora: ['/usr/bin/WebKitWebDriver'], arch: ['webkitgtk-6.0'] },
  },
  {
    what: 'a keychain for tests (gnome-keyring)',
    for: ['test'],
    probe: { program: 'gnome-keyring-daemon' },
    packages: { debian: ['gnome-keyring'], fedora: ['gnome-keyring'], arch: ['gnome-keyring'] },
  },
  {
    what: 'a look into that keychain (secret-tool)',
    for: ['test'],
    probe: { program: 'secret-tool' },
    packages: { debian: ['libsecret-tools'], fedora: ['libsecret'], arch: ['libsecret'] },
  },
  {
    what: 'a hand for the mouse (xdotool)',
    for: ['test'],
    probe: { program: 'xdotool' },
    packages: { debian: ['xdotool'], fedora: ['xdotool'], arch: ['xdotool'] },
  },
  {
    what: 'a window manager for tests (Openbox)',
    for: ['test'],
    probe: { program: 'openbox' },
    packages: { debian: ['openbox'], fedora: ['openbox'], arch: ['openbox'] },
  },
  {
    what: 'a source for drag and drop (PyGObject with GTK 3)',
    for: ['test'],
    // The system's own Python: another one in the path would not see the system's bindings.
    probe: {
      command: [
        '/usr/bin/python3',
        '-c',
        'import gi; gi.require_version("Gtk", "3.0"); gi.require_version("Gdk", "3.0")',
      ],
    },
    packages: {
      debian: ['python3-gi', 'gir1.2-gtk-3.0'],
      fedora: ['python3-gobject', 'gtk3'],
      arch: ['python-gobject', 'gtk3'],
    },
  },
  {
    what: 'a Python that makes environments (venv), for the agent, and for what tests and benchmarks compare with',
    for: ['run', 'test', 'slides'],
    probe: { command: ['python3', '-c', 'import ensurepip, venv'] },
    packages: { debian: ['python3-venv'], fedora: ['python3'], arch: ['python'], macos: ['python3'] },
  },
  {
    what: 'a web engine for slides (Chromium)',
    for: ['test', 'slides'],
    probe: { oneOf: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'] },
    packages: { debian: ['chromium'], fedora: ['chromium'], arch: ['chromium'] },
  },
  {
    what: 'a second opinion on slides (LibreOffice Impress)',
    for: ['test', 'slides'],
    // `soffice` may be there without the part that reads slides.
    probe: { oneOf: ['loimpress', 'simpress', 'oosimpress'] },
    packages: {
      debian: ['libreoffice-impress'],
      fedora: ['libreoffice-impress'],
      arch: ['libreoffice-fresh'],
    },
  },
  {
    what: 'pages of PDF files as pictures and words (Poppler)',
    for: ['slides'],
    probe: { programs: ['pdftoppm', 'pdftotext'] },
    packages: { debian: ['poppler-utils'], fedora: ['poppler-utils'], arch: ['poppler'] },
  },
  {
    what: 'git',
    for: ['test'],
    probe: { program: 'git' },
    packages: { debian: ['git'], fedora: ['git'], arch: ['git'], macos: ['git'], windows: ['Git.Git'] },
  },
  {
    what: 'bubblewrap, to compare the sandbox with',
    for: ['bench'],
    probe: { program: 'bwrap' },
    packages: { debian: ['bubblewrap'], fedora: ['bubblewrap'], arch: ['bubblewrap'] },
  },
];
