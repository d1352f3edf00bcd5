import type { AppEvent, Contact, NetworkPolicy, Transport } from '$lib/ipc';

type NetworkEvent = Extract<AppEvent, { type: 'contactMade' | 'networkChanged' }>;

interface Shown {
  sessionId: string;
  policy: NetworkPolicy;
  /** Why the commands reach nobody on this system, whatever the policy says. */
  unavailable: string | null;
  /** The latest first. */
  contacts: Contact[];
}

/** As many as the engine gives at once. */
const MOST_CONTACTS = 1000;

/** Whom the commands of a session may speak to, and whom they spoke to. */
export class NetworkState {
  shown = $state.raw<Shown | null>(null);

  constructor(private readonly transport: Transport) {}

  of(sessionId: string): Shown | null {
    return this.shown?.sessionId === sessionId ? this.shown : null;
  }

  async load(sessionId: string): Promise<void> {
    const [{ policy, unavailable }, { contacts }] = await Promise.all([
      this.transport.invoke('network_get', { sessionId }),
      this.transport.invoke('contact_list', { sessionId }),
    ]);
    this.shown = { sessionId, policy, unavailable, contacts };
  }

  async choose(sessionId: string, wanted: NetworkPolicy): Promise<void> {
    const { policy, unavailable } = await this.transport.invoke('network_set', { sessionId, policy: wanted });
    const shown = this.of(sessionId);
    if (shown) this.shown = { ...shown, policy, unavailable };
  }

  apply(event: NetworkEvent): void {
    const sessionId = event.type === 'contactMade' ? event.contact.sessionId : event.sessionId;
    const shown = this.of(sessionId);
    if (!shown) return;
    if (event.type === 'networkChanged') this.shown = { ...shown, policy: event.policy };
    else if (!shown.contacts.some(({ id }) => id === event.contact.id))
      this.shown = { ...shown, contacts: [event.contact, ...shown.contacts].slice(0, MOST_CONTACTS) };
  }
}
