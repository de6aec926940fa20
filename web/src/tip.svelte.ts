// The one label that floats beside whatever is pointed at or focused.

export const tip = $state({ lines: [] as string[], x: 0, y: 0, shown: false });

let owner: object | null = null;

/** A hold on the label. What lets go of it hides only what it has shown itself: the pointer leaves, but a key has spoken. */
export function hold() {
  const own = {};
  return {
    /** Show lines beside a point of the window. */
    show(lines: string[], x: number, y: number): void {
      owner = own;
      Object.assign(tip, { lines, x, y, shown: true });
    },
    hide(): void {
      if (owner === own) tip.shown = false;
    },
  };
}

/** Attach help to an element: shown while it is pointed at or focused. */
export function help(text: string) {
  return (element: HTMLElement) => {
    if (!text) return;
    const own = hold();
    const show = () => {
      const box = element.getBoundingClientRect();
      own.show([text], box.left + box.width / 2, box.bottom);
      element.setAttribute("aria-describedby", "tip");
    };
    const hide = () => {
      own.hide();
      element.removeAttribute("aria-describedby");
    };
    element.addEventListener("pointerenter", show);
    element.addEventListener("focus", show);
    element.addEventListener("pointerleave", hide);
    element.addEventListener("blur", hide);
    return () => {
      element.removeEventListener("pointerenter", show);
      element.removeEventListener("focus", show);
      element.removeEventListener("pointerleave", hide);
      element.removeEventListener("blur", hide);
    };
  };
}
