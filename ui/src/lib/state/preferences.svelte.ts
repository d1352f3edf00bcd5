import type { AppError, AppInfo, ModelProfile, SecretChoice, SecretStatus, Settings, Transport } from '$lib/ipc';

export const DEMO_PROFILE = 'demo';

/** Settings, keys and the facts about the program, as the engine has them. */
export class Preferences {
  settings = $state.raw<Settings | null>(null);
  path = $state('');
  problem = $state.raw<AppError | null>(null);
  secrets = $state.raw<SecretStatus | null>(null);
  info = $state.raw<AppInfo | null>(null);

  readonly profiles = $derived(this.settings?.profiles ?? []);

  /** Goes up when a change is sent and when it is answered. */
  #changes = 0;
  #asked = 0;
  #shown = 0;

  constructor(private readonly transport: Transport) {}

  /** Asks for everything. Answers come in any order: what is older than something known already is asked again. */
  async load(): Promise<void> {
    const asked = (this.#asked += 1);
    const changes = this.#changes;
    const [response, info, secrets] = await Promise.all([
      this.transport.invoke('settings_get', {}),
      this.transport.invoke('app_info', {}),
      this.transport.invoke('secret_status', {}),
    ]);
    if (changes !== this.#changes || asked < this.#shown) return this.load();
    this.#shown = asked;
    this.settings = response.settings;
    this.path = response.path;
    this.problem = response.problem;
    this.info = info;
    this.secrets = secrets;
  }

  profile(id: string): ModelProfile | undefined {
    return this.profiles.find((profile) => profile.id === id);
  }

  keyIsSet(profile: string): boolean {
    return this.secrets?.keys.some((key) => key.profile === profile && key.set) ?? false;
  }

  /** Saves the settings with some of their parts replaced. */
  async save(change: Partial<Settings>): Promise<void> {
    if (!this.settings) return;
    const settings = { ...this.settings, ...change };
    const response = await this.changing(this.transport.invoke('settings_save', { settings }));
    this.settings = response.settings;
    this.problem = response.problem;
  }

  /** Adds a profile or replaces the one with its id. */
  async saveProfile(profile: ModelProfile): Promise<void> {
    const known = this.profiles.some(({ id }) => id === profile.id);
    const profiles = known
      ? this.profiles.map((other) => (other.id === profile.id ? profile : other))
      : [...this.profiles, profile];
    await this.save({ profiles });
  }

  async removeProfile(id: string): Promise<void> {
    const profiles = this.profiles.filter((profile) => profile.id !== id);
    const defaultProfile = this.settings?.defaultProfile === id ? DEMO_PROFILE : this.settings?.defaultProfile;
    if (this.keyIsSet(id)) await this.forgetKey(id);
    await this.save({ profiles, defaultProfile });
  }

  async setKey(profile: string, key: string): Promise<void> {
    this.secrets = await this.changing(this.transport.invoke('key_set', { profile, key }));
  }

  async forgetKey(profile: string): Promise<void> {
    this.secrets = await this.changing(this.transport.invoke('key_delete', { profile }));
  }

  async chooseSecrets(choice: SecretChoice): Promise<void> {
    this.secrets = await this.changing(this.transport.invoke('secret_choose', { choice }));
  }

  /** An id for a new profile: short, and not taken. */
  freshProfileId(name: string): string {
    const base =
      name
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-')
        .replace(/^-+|-+$/g, '')
        .slice(0, 24) || 'model';
    let id = base;
    for (let number = 2; this.profiles.some((profile) => profile.id === id); number += 1) id = `${base}-${number}`;
    return id;
  }

  private async changing<Answer>(answer: Promise<Answer>): Promise<Answer> {
    this.#changes += 1;
    try {
      return await answer;
    } finally {
      this.#changes += 1;
    }
  }
}
