// Built into a file of its own, which the map loads: nobody else needs coast lines.
export { LAND } from "./land.js";
export { middleOf } from "./countries.js";
