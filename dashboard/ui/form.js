import { html, useId } from "./html.js";
import { Failure } from "./states.js";
import { t } from "../lib/i18n.js";

/** Whether the API's error is about this field. */
export const concerns = (error, field) => Boolean(error?.field) && (error.field === field || (Array.isArray(field) && field.includes(error.field)));

/**
 * A field with its label, a hint and what the API says about it.
 * @param {object} props
 * @param {string} props.label
 * @param {string} [props.hint]
 * @param {string | string[]} [props.name] as the API's `field` names it
 * @param {any} [props.error] of the last attempt
 * @param {(attributes: object) => unknown} props.children gets id, aria-describedby and aria-invalid
 */
export function Field({ label, hint, name, error, children }) {
  const id = useId();
  const wrong = concerns(error, name);
  const about = [hint && `${id}-hint`, wrong && `${id}-error`].filter(Boolean).join(" ") || undefined;
  return html`<div class=${wrong ? "field field-wrong" : "field"}>
    <label for=${id}>${label}</label>
    ${children({ id, "aria-describedby": about, "aria-invalid": wrong || undefined })}
    ${hint && html`<p class="field-hint" id=${`${id}-hint`}>${hint}</p>`}
    ${wrong && html`<p class="field-error" id=${`${id}-error`} role="alert">${error.detail ?? t("error.field")}</p>`}
  </div>`;
}

/** A line of text. `onInput` gets the text. */
export function TextField({ label, hint, name, error, value, onInput, type = "text", ...rest }) {
  return html`<${Field} label=${label} hint=${hint} name=${name} error=${error}>${(attributes) =>
    html`<input class="input" type=${type} value=${value} onInput=${(event) => onInput(event.currentTarget.value)} ...${attributes} ...${rest} />`}</${Field}>`;
}

/** A choice of some. `options`: {value, label}. `onChange` gets the value. */
export function SelectField({ label, hint, name, error, value, options, onChange, ...rest }) {
  return html`<${Field} label=${label} hint=${hint} name=${name} error=${error}>${(attributes) =>
    html`<select class="input" value=${value} onChange=${(event) => onChange(event.currentTarget.value)} ...${attributes} ...${rest}>
      ${options.map((option) => html`<option key=${option.value} value=${option.value} selected=${option.value === value}>${option.label}</option>`)}
    </select>`}</${Field}>`;
}

/** A yes or no. `onChange` gets a boolean. */
export function CheckField({ label, hint, checked, onChange, ...rest }) {
  const id = useId();
  return html`<div class="check">
    <input type="checkbox" id=${id} checked=${checked} aria-describedby=${hint ? `${id}-hint` : undefined} onChange=${(event) => onChange(event.currentTarget.checked)} ...${rest} />
    <div><label for=${id}>${label}</label>${hint && html`<p class="field-hint" id=${`${id}-hint`}>${hint}</p>`}</div>
  </div>`;
}

/**
 * A form that is sent by script. The failure is shown here unless one of `fields` shows it.
 * @param {{onSubmit: () => void, error?: any, fields?: string[], class?: string}} props
 */
export function Form({ onSubmit, error, fields = [], class: extra = "", children }) {
  const submit = (event) => {
    event.preventDefault();
    onSubmit();
  };
  return html`<form class=${`form ${extra}`} onSubmit=${submit} novalidate>
    ${children}
    ${error && !fields.includes(error.field) && html`<${Failure} compact error=${error} />`}
  </form>`;
}
