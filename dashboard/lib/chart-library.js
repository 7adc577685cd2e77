// Built into a file of its own, which ui/chart.js loads when the first chart is shown.
export { default } from "uplot";
