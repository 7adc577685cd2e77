import { html, useId } from "./html.js";

/**
 * A choice of a few, all of them visible: a radio group.
 * @param {{label: string, value: string, options: {value: string, label: string}[], onChange: (value: string) => void}} props
 */
export function Segments({ label, value, options, onChange }) {
  const name = useId();
  return html`<fieldset class="segments">
    <legend class="only-read">${label}</legend>
    ${options.map((option) => html`<label key=${option.value} class=${option.value === value ? "segment segment-on" : "segment"}>
      <input type="radio" name=${name} value=${option.value} checked=${option.value === value} onChange=${() => onChange(option.value)} />
      <span>${option.label}</span>
    </label>`)}
  </fieldset>`;
}
