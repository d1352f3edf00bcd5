import type { LocalServer, ModelProfile } from '$lib/ipc';

/** A profile to fill in; its id is made when it is saved. */
export function emptyProfile(id: string): ModelProfile {
  return { id, name: '', provider: 'openAi', baseUrl: '', model: '', vision: false, maxTokens: null, prices: null };
}

/** A profile for a server that was found on this machine: with its first model that talks. */
export function profileOf(server: LocalServer): ModelProfile {
  const model = server.models.find((name) => !/embed/i.test(name)) ?? server.models[0] ?? '';
  return { ...emptyProfile(''), name: model || server.name, provider: server.provider, baseUrl: server.baseUrl, model };
}
