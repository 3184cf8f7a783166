import { BoardView } from "./board-view.js";
import { byId, clone, hue, initials, number, relative, statusText, unit } from "./dom.js";
import { showScreen } from "./screen.js";
import { Session } from "./session.js";
import { SyncView } from "./sync-view.js";

const FRESH_MS = 30_000;
const REMEMBERED = "podium.person";

const config = await (await fetch("/page-config.json")).json();
const session = new Session(config.supabase_url);
const boardView = new BoardView({
  get userId() { return session.userId; },
  competition: (id) => session.call("GET", `/competitions/${id}`),
  prizes: (id) => session.call("GET", `/prizes/distribution/${id}`).catch(absent),
  line: { token: (refused) => session.token(refused) },
  moved: () => listCompetitions().catch(complain),
});
const syncView = new SyncView(session, config);
let chosen = location.pathname.match(/^\/live\/([0-9a-f-]{36})$/)?.[1] ?? null;

/** What is not there yet is nothing. */
function absent(error) {
  if (error.status === 404) return null;
  throw error;
}

/** Show what went wrong to the person, in one place. */
function complain(error) {
  const notice = byId("notice");
  notice.textContent = error.message;
  notice.hidden = false;
  clearTimeout(complain.timer);
  complain.timer = setTimeout(() => { notice.hidden = true; }, 8000);
}

/** Run something that may fail, with its button out of reach meanwhile. */
async function attempt(button, action) {
  button.disabled = true;
  try {
    await action();
  } catch (error) {
    complain(error);
  } finally {
    button.disabled = false;
  }
}

async function welcome() {
  byId("welcome").hidden = false;
  if (!config.sandbox) {
    byId("welcome-title").textContent = "Sign in";
    byId("welcome-text").textContent = "Paste an access token of your project.";
    byId("token-form").hidden = false;
    return;
  }
  byId("welcome-text").textContent =
    "These people live in the sandbox. They keep walking; choose one and sync.";
  const { items } = await (await fetch(`${config.supabase_url}/control/people`)).json();
  byId("people").replaceChildren(...items.map(personItem));
  byId("people-search").hidden = items.length < 12;
  const remembered = items.find((person) => person.email === sessionStorage.getItem(REMEMBERED));
  if (remembered) await enter(remembered);
}

function personItem(person) {
  const item = clone("person-template");
  const button = item.querySelector("button");
  fillAvatar(item.querySelector(".avatar"), person.sub, person.display_name);
  item.querySelector(".person-name").textContent = person.display_name;
  item.querySelector(".person-zone").textContent = person.timezone.split("/").pop().replaceAll("_", " ");
  item.dataset.search = `${person.display_name} ${person.timezone}`.toLowerCase();
  button.addEventListener("click", () => attempt(button, () => enter(person)));
  return item;
}

function fillAvatar(avatar, id, name) {
  avatar.textContent = initials(name);
  avatar.style.setProperty("--hue", hue(id));
}

async function enter(person) {
  await session.signIn(person.email);
  sessionStorage.setItem(REMEMBERED, person.email);
  await show(person.id);
}

/** @param {string | null} walker the sandbox's own name for the person */
async function show(walker) {
  const me = await session.call("GET", "/me");
  byId("welcome").hidden = true;
  byId("arena").hidden = byId("account").hidden = false;
  byId("account-name").textContent = me.display_name;
  fillAvatar(document.querySelector("#account .avatar"), me.user_id, me.display_name);
  const competitions = await listCompetitions();
  const first = competitions.find((one) => one.joined) ?? competitions[0];
  open(chosen ?? first?.id);
  syncView.start(walker, listCompetitions);
  await syncView.showConnections();
  setInterval(() => listCompetitions().catch(complain), FRESH_MS);
  // Focus would bring the long list to the top, under the header.
  byId("main").focus({ preventScroll: true });
}

async function listCompetitions() {
  const { items } = await session.call("GET", "/competitions?limit=50");
  keepingFocus(() => byId("competitions").replaceChildren(...items.map(competitionItem)));
  markChosen();
  syncView.showFreshness(items);
  return items;
}

/** Somebody on the way through the list by keyboard stays where they are in the new one. */
function keepingFocus(renew) {
  const { className, parentElement } = document.activeElement;
  const { id } = parentElement?.dataset ?? {};
  renew();
  if (!id) return;
  const same = [...byId("competitions").children].find((item) => item.dataset.id === id);
  same?.getElementsByClassName(className)[0]?.focus({ preventScroll: true });
}

function competitionItem(competition) {
  const item = clone("competition-template");
  item.dataset.id = competition.id;
  const { status } = competition;
  item.querySelector(".competition-name").textContent = competition.name;
  item.querySelector(".competition-facts").textContent = [
    `${number(competition.participant_count)} people`,
    unit(competition.metric),
    status === "active" ? `ends ${relative(competition.ends_at)}` : statusText(status).toLowerCase(),
  ].join(" · ");
  const chip = item.querySelector(".chip");
  chip.textContent = competition.joined ? "joined" : statusText(status);
  chip.dataset.status = competition.joined ? "joined" : status;
  item.querySelector(".competition-open").addEventListener("click", () => open(competition.id, true));
  const join = item.querySelector(".join");
  join.hidden = competition.joined || !["upcoming", "active"].includes(competition.status);
  join.setAttribute("aria-label", `Join ${competition.name}`);
  join.addEventListener("click", () => attempt(join, async () => {
    await session.call("POST", `/competitions/${competition.id}/join`, {});
    await listCompetitions();
    open(competition.id, true);
  }));
  return item;
}

function open(id, byHand = false) {
  if (!id) return;
  chosen = id;
  markChosen();
  showChosen();
  if (byHand) history.pushState(null, "", `/live/${id}`);
  boardView.open(id).catch(complain);
}

function markChosen() {
  for (const item of byId("competitions").children) {
    const button = item.querySelector(".competition-open");
    button.setAttribute("aria-current", String(item.dataset.id === chosen));
  }
}

/** On a phone the list is a line that scrolls sideways. */
function showChosen() {
  const list = byId("competitions");
  const item = list.querySelector(`[data-id="${chosen}"]`);
  if (item === null) return;
  const [{ left }, { left: edge }] = [item.getBoundingClientRect(), list.getBoundingClientRect()];
  list.scrollBy({ left: left - edge - parseFloat(getComputedStyle(list).paddingLeft) });
}

byId("people-search").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const item of byId("people").children) item.hidden = !item.dataset.search.includes(wanted);
});

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(event.submitter, async () => {
    session.useToken(event.target.querySelector("textarea").value.trim());
    await show(null);
  });
});

byId("sync").addEventListener("click", (event) =>
  attempt(event.currentTarget, () => syncView.sync()));

byId("reconnect").addEventListener("click", (event) =>
  attempt(event.currentTarget, () => syncView.reconnect()));

byId("sign-out").addEventListener("click", () => {
  sessionStorage.removeItem(REMEMBERED);
  location.assign("/");
});

addEventListener("popstate", () => location.reload());

const isScreen = new URLSearchParams(location.search).get("screen") === "1" && chosen !== null;
(isScreen ? showScreen(chosen) : welcome()).catch(complain);
