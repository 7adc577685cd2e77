// Built into a file of its own, which the preview of a video loads.
export { default } from "hls.js/light";
