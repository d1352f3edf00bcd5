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

  constructor(private readonly transport: Transport) {}

  async load(): Promise<void> {
    const [response, info, secrets] = await Promise.all([
      this.transport.invoke('settings_get', {}),
      this.transport.invoke('app_info', {}),
      this.transport.invoke('secret_status', {}),
    ]);
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
    const response = await this.transport.invoke('settings_save', { settings: { ...this.settings, ...change } });
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
    this.secrets = await this.transport.invoke('key_set', { profile, key });
  }

  async forgetKey(profile: string): Promise<void> {
    this.secrets = await this.transport.invoke('key_delete', { profile });
  }

  async chooseSecrets(choice: SecretChoice): Promise<void> {
    this.secrets = await this.transport.invoke('secret_choose', { choice });
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
}
