import { html, useEffect, useState } from "../ui/html.js";
import { PageHeader } from "../ui/page.js";
import { Failure, Skeleton } from "../ui/states.js";
import { ApiError } from "../lib/api.js";
import { hasText, t } from "../lib/i18n.js";
import { addTexts } from "../texts/index.js";

const load = () => import("/dashboard/operator-texts.js").then(({ operator }) => addTexts(operator));

/**
 * A page of operators, which is shown once its texts are there.
 * @param {string} id of the page
 * @param {import("preact").ComponentType} Page
 */
export function forOperators(id, Page) {
  return function OperatorPage(props) {
    const [there, setThere] = useState(() => hasText("accounts.text"));
    const [failed, setFailed] = useState(false);
    const begin = () => {
      setFailed(false);
      load().then(() => setThere(true), () => setFailed(true));
    };
    useEffect(() => {
      if (!there) begin();
    }, []);
    if (there) return html`<${Page} ...${props} />`;
    return html`<${PageHeader} title=${t(`page.${id}`)} text=" " />${failed ? html`<${Failure} error=${new ApiError(0)} retry=${begin} />` : html`<${Skeleton} lines=${8} height=${32} />`}`;
  };
}
