// The one way to markup: templates whose values are text. There is no other place where a string becomes an element.
export { html } from "htm/preact";
export { Fragment } from "preact";
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
