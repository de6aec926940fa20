// The one label that floats beside whatever is pointed at or focused.

export const tip = $state({ lines: [] as string[], x: 0, y: 0, shown: false });

/** Show lines beside a point of the window. */
export function showTip(lines: string[], x: number, y: number): void {
  tip.lines = lines;
  tip.x = x;
  tip.y = y;
  tip.shown = true;
}

export function hideTip(): void {
  tip.shown = false;
}

/** Attach help to an element: shown while it is pointed at or focused. */
export function help(text: string) {
  return (element: HTMLElement) => {
    if (!text) return;
    const show = () => {
      const box = element.getBoundingClientRect();
      showTip([text], box.left + box.width / 2, box.bottom);
      element.setAttribute("aria-describedby", "tip");
    };
    const hide = () => {
      hideTip();
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
