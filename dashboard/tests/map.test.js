import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { gzipSync } from "node:zlib";
import { geoNaturalEarth1 } from "d3-geo";
import { angle, arrow, arrowWidth, cutAtEdges, greatCircle } from "../map/arrows.js";
import { middleOf } from "../map/countries.js";
import { files } from "../map/prerender.mjs";
import { HEIGHT, project, SCALE, WIDTH } from "../map/projection.js";

const near = (found, wanted, by) => assert.ok(Math.abs(found - wanted) <= by, `${found} is not ${wanted} ± ${by}`);

test("projection agrees with d3's Natural Earth within a hundredth of a unit", () => {
  const reference = geoNaturalEarth1().scale(SCALE).translate(project(0, 0));
  for (let lat = -56; lat <= 84; lat += 7) {
    for (let lon = -179; lon <= 179; lon += 13) {
      const [[x, y], [wantedX, wantedY]] = [project(lat, lon), reference([lon, lat])];
      near(x, wantedX, 0.01);
      near(y, wantedY, 0.01);
    }
  }
});

test("equator spans the width, and what is inhabited is within the height", () => {
  near(project(0, -180)[0], 0, 0.01);
  near(project(0, 180)[0], WIDTH, 0.01);
  for (const [lat, lon] of [[78.2, 15.6], [-54.8, -68.3], [-41.3, 174.8]]) {
    const [x, y] = project(lat, lon);
    assert.ok(x > 0 && x < WIDTH && y > 0 && y < HEIGHT);
  }
});

test("committed map files are those that the packages and the Worker's table give", () => {
  for (const [name, text] of Object.entries(files())) assert.equal(readFileSync(new URL(`../map/${name}`, import.meta.url), "utf8"), text, name);
});

test("land has at most 12 KB gzipped and nothing but commands and whole numbers", () => {
  const text = readFileSync(new URL("../map/land.js", import.meta.url), "utf8");
  assert.ok(gzipSync(text).length <= 12_000);
  assert.match(text.match(/"([^"]*)"/)[1], /^[Mlz\d -]+$/);
});

test("great circle from Frankfurt to San Francisco goes over Greenland", () => {
  const way = greatCircle({ lat: 50.1, lon: 8.7 }, { lat: 37.8, lon: -122.4 });
  near(way[0].lat, 50.1, 0.001);
  near(way.at(-1).lon, -122.4, 0.001);
  assert.ok(Math.max(...way.map(({ lat }) => lat)) > 65);
  assert.ok(way.every((point, index) => index === 0 || angle(way[index - 1], point) < 3.01));
});

test("great circle between equal places and between antipodes has its two ends", () => {
  const place = { lat: 10, lon: 20 };
  assert.deepEqual(greatCircle(place, place), [place, place]);
  assert.equal(greatCircle({ lat: 0, lon: 0 }, { lat: 0, lon: 180 }).length, 2);
});

test("way over the 180th meridian is cut into two that end at the map's sides", () => {
  const pieces = cutAtEdges(greatCircle({ lat: -36.8, lon: 174.8 }, { lat: 34, lon: -118.2 }));
  assert.equal(pieces.length, 2);
  assert.equal(pieces[0].at(-1).lon, 180);
  assert.equal(pieces[1][0].lon, -180);
  assert.equal(arrow({ lat: -36.8, lon: 174.8 }, { lat: 34, lon: -118.2 }).match(/M/g).length, 2);
  assert.equal(cutAtEdges(greatCircle({ lat: 34, lon: -118.2 }, { lat: -36.8, lon: 174.8 })).length, 2);
});

test("arrow's width grows with the root of its share and is never nothing", () => {
  assert.equal(arrowWidth(100, 100), 6);
  assert.equal(arrowWidth(25, 100), 3.75);
  assert.equal(arrowWidth(0, 0), 1.5);
});

test("middle of a country is known by its code, and of XX it is not", () => {
  near(middleOf("DE").lat, 51, 1);
  near(middleOf("SG").lon, 104, 1);
  assert.equal(middleOf("XX"), null);
  assert.equal(middleOf("<b"), null);
});
