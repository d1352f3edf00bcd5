import type { SlideWords } from './messages';

/** Which slide of a page is shown, and how. */
export class Deck {
  slides = $state.raw<readonly SlideWords[]>([]);
  index = $state(0);
  /** The person wants the page as it is. */
  asPage = $state(false);
  rail = $state(true);
  full = $state(false);
  presenting = $state(false);
  startedAt = $state(0);

  readonly on = $derived(this.slides.length > 0 && !this.asPage);
  readonly slide = $derived(this.slides[this.index]);

  hear(slides: readonly SlideWords[]): void {
    this.slides = slides;
    this.index = Math.min(this.index, Math.max(0, slides.length - 1));
    if (slides.length === 0) this.leave();
  }

  show(index: number): void {
    this.index = Math.min(this.slides.length - 1, Math.max(0, index));
  }

  /** The slide before or behind, if there is one; what is hidden is passed over when slides are presented. */
  beside(by: 1 | -1): number | null {
    let to = this.index + by;
    while (this.full && this.slides[to]?.hidden) to += by;
    return this.slides[to] ? to : null;
  }

  step(by: 1 | -1): void {
    this.index = this.beside(by) ?? this.index;
  }

  leave(): void {
    this.full = false;
    this.presenting = false;
  }

  present(now: number): void {
    this.presenting = !this.presenting;
    if (this.presenting) {
      this.full = true;
      this.startedAt = now;
    } else this.full = false;
  }

  /** Whether the key means something. `turn` leaves out what takes more room than there is. */
  key(key: string, may: 'all' | 'turn', now = Date.now()): boolean {
    switch (key) {
      case 'ArrowRight':
      case 'ArrowDown':
      case 'PageDown':
      case ' ':
        this.step(1);
        return true;
      case 'ArrowLeft':
      case 'ArrowUp':
      case 'PageUp':
        this.step(-1);
        return true;
      case 'Home':
        this.show(0);
        return true;
      case 'End':
        this.show(this.slides.length - 1);
        return true;
    }
    if (may === 'turn' && !this.full && key !== 'Escape') return false;
    switch (key) {
      case 'f':
      case 'F':
        if (this.full) this.leave();
        else this.full = true;
        return true;
      case 'p':
      case 'P':
        this.present(now);
        return true;
      case 'Escape':
        if (!this.full) return false;
        this.leave();
        return true;
      default:
        return false;
    }
  }
}
