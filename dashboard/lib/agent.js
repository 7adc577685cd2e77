// What somebody signed in with, of a User-Agent: enough to recognise one's own browser.

const BROWSERS = [
  ["Firefox", /\bFirefox\/(\d+)/],
  ["Edge", /\bEdg(?:A|iOS)?\/(\d+)/],
  ["Opera", /\bOPR\/(\d+)/],
  ["Chrome", /\b(?:Headless)?Chrome\/(\d+)|\bCriOS\/(\d+)/],
  ["Safari", /\bVersion\/(\d+)[\d.]* (?:Mobile\/\S+ )?Safari\//],
];
// iPhones say "like Mac OS X", and Android says "Linux".
const SYSTEMS = [
  ["iPhone", /\biPhone\b/],
  ["iPad", /\biPad\b/],
  ["Android", /\bAndroid\b/],
  ["Windows", /\bWindows\b/],
  ["macOS", /\bMac OS X\b/],
  ["ChromeOS", /\bCrOS\b/],
  ["Linux", /\bLinux\b/],
];

/**
 * @param {string | null | undefined} agent
 * @returns {string | null} `Firefox 140, Linux`; the agent's beginning where it is no browser known here; null without one
 */
export function agentName(agent) {
  if (!agent) return null;
  const browser = BROWSERS.map(([name, pattern]) => [name, pattern.exec(agent)]).find(([, found]) => found);
  const system = SYSTEMS.find(([, pattern]) => pattern.test(agent))?.[0];
  if (!browser) return system ?? agent.slice(0, 60);
  const [name, found] = browser;
  const version = found[1] ?? found[2];
  return [version ? `${name} ${version}` : name, system].filter(Boolean).join(", ");
}
