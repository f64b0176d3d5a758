"use strict";
// The rows, their filters and the details. Texts of the report become text nodes only, never markup.
(() => {
  const root = document.documentElement;
  if (!("DecompressionStream" in window)) return; // the static list stays
  root.classList.add("scripted");
  document.addEventListener("DOMContentLoaded", () => {
    start().catch((error) => {
      root.classList.remove("scripted");
      byId("explorer").hidden = true;
      console.error(error);
    });
  });

  // What is public, in the order of the data.
  const PUBLIC = 0;
  const EXCUSED = 3;
  const MORE_ROWS = 8; // above and below those in view
  const FEW_ACTIONS = 6;
  const MOST_PRINTED = 5000;
  const MOST_PRINTED_DETAILS = 200;
  const FORMULA = /^[=+\-@]/;
  const REPOSITORY_NAME = /^(?=.{2,256}$)[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/;
  const SOURCES = { repository: "Amazon ECR", "recorded repository": "AWS Config", evaluation: "AWS Config" };
  const MEANS = [
    ["command", "ecr-exposure"],
    ["cli", "AWS CLI"],
    ["terraform", "Terraform"],
    ["cloudformation", "CloudFormation"],
  ];

  let head, lines, rows, more;
  let columns = [];
  let shown = []; // the numbers of the rows that pass the filters, in order
  let isPrinting = false;
  const state = { q: "", result: [], account: "", region: "", can: "", sort: "result", open: "" };
  const searched = []; // by row: its text in lower case, made when it is needed

  function byId(id) {
    return document.getElementById(id);
  }

  function make(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    element.append(...children.filter((each) => each !== null && each !== undefined));
    return element;
  }

  function number(value) {
    return value.toLocaleString("en-US");
  }

  // Data

  async function start() {
    const element = byId("data");
    const text = await decoded(element.textContent);
    element.remove();
    lines = text.split("\n");
    head = JSON.parse(lines[0]);
    rows = head.rows;
    more = head.more;
    byId("static").remove();
    prepareFilters();
    prepareRows();
    prepareDetail();
    preparePrint();
    for (const id of ["filters", "rows", "keys"]) byId(id).hidden = !rows.result.length;
    byId("explorer").hidden = false;
    read();
    for (const event of ["hashchange", "popstate"]) window.addEventListener(event, read);
  }

  async function decoded(base64) {
    const compressed = Uint8Array.fromBase64
      ? Uint8Array.fromBase64(base64)
      : Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  function resultOf(row) {
    return head.results[rows.result[row]];
  }

  function account(row) {
    return head.accounts[rows.account[row]];
  }

  function region(row) {
    return head.regions[rows.region[row]];
  }

  function isFile(row) {
    return head.files[rows.file[row]] !== "";
  }

  function moreOf(row) {
    return more[row] || {};
  }

  function nameOf(row) {
    const { address, file } = moreOf(row);
    return address || rows.repository[row] || file || head.files[rows.file[row]];
  }

  function placeOf(row) {
    if (!isFile(row)) return [account(row), region(row)].filter(Boolean).join(" · ");
    return `${head.files[rows.file[row]]}:${moreOf(row).places[0][0]}`;
  }

  // What the address names a row by.
  function idOf(row) {
    if (isFile(row)) return [placeOf(row), moreOf(row).address].filter(Boolean).join(" ");
    return moreOf(row).file || `${account(row)}/${region(row)}/${rows.repository[row]}`;
  }

  function granted(row) {
    const mask = head.granted[rows.policy[row]];
    return head.capabilities.filter((_, at) => mask & (1 << at));
  }

  function messageOf(row) {
    return head.messages[rows.policy[row]];
  }

  // Repositories share texts that differ only in these.
  function filled(text, row) {
    const name = REPOSITORY_NAME.test(rows.repository[row]) ? rows.repository[row] : "REPOSITORY";
    const plain = name.toLowerCase().replace(/[^a-z0-9_]/g, "_");
    const parts = name.toLowerCase().match(/[a-z0-9]+/g) || ["repository"];
    const values = {
      "\x01": name,
      "\x02": account(row),
      "\x03": region(row),
      "\x04": /^[a-z]/.test(plain) ? plain : `_${plain}`,
      "\x05": parts.map((part) => part[0].toUpperCase() + part.slice(1)).join(""),
    };
    return text.replace(/[\x01-\x05]/g, (mark) => values[mark]);
  }

  // A mark in JSON is written as an escape if it came from Python's json, and as itself if it was put in afterwards.
  function contentOf(row) {
    return JSON.parse(filled(lines[rows.policy[row] + 1], row), (_, value) =>
      typeof value === "string" ? filled(value, row) : value,
    );
  }

  // Filters, in the address's fragment

  function prepareFilters() {
    const counts = head.results.map(() => 0);
    for (const result of rows.result) counts[result] += 1;
    byId("results").append(
      ...head.results.flatMap((name, at) => {
        if (!counts[at]) return [];
        const box = make("input", { type: "checkbox", name: "result", value: name });
        return [make("label", {}, box, `${capitalized(name)} (${number(counts[at])})`)];
      }),
    );
    fillChoice("account", head.accounts, "All accounts");
    fillChoice("region", head.regions, "All Regions");
    fillChoice("can", head.granted.some(Boolean) ? head.capabilities : [], "All capabilities");
    const form = byId("filters");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      takeFilters();
      write(event.target.id !== "q");
      apply();
    });
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      Object.assign(state, { q: "", result: [], account: "", region: "", can: "" });
      showFilters();
      write(true);
      apply();
      byId("q").focus();
    });
    byId("download").addEventListener("click", download);
  }

  function fillChoice(id, values, all) {
    const known = values.filter(Boolean);
    if (id !== "can") known.sort();
    const choice = byId(id);
    choice.append(make("option", { value: "" }, all), ...known.map((value) => make("option", { value }, value)));
    choice.closest("p").hidden = known.length < 2;
  }

  function boxes() {
    return [...document.querySelectorAll("#results input")];
  }

  function takeFilters() {
    state.q = byId("q").value;
    state.result = boxes().filter((box) => box.checked).map((box) => box.value);
    for (const id of ["account", "region", "can"]) state[id] = byId(id).value;
  }

  function showFilters() {
    if (byId("q").value !== state.q) byId("q").value = state.q;
    for (const box of boxes()) box.checked = state.result.includes(box.value);
    for (const id of ["account", "region", "can"]) byId(id).value = state[id];
  }

  function fragment() {
    const members = Object.entries({ ...state, result: state.result.join(",") });
    return members
      .filter(([key, value]) => value && !(key === "sort" && value === "result"))
      .map(([key, value]) => `${key}=${readable(value)}`)
      .join("&");
  }

  // Percent-encoded, but for what is readable and no separator.
  function readable(text) {
    const wellFormed = text.replace(/[\ud800-\udfff]/gu, "\ufffd");
    return encodeURIComponent(wellFormed).replace(/%20/g, "+").replace(/%(?:2F|2C|3A|40)/g, decodeURIComponent);
  }

  function write(isStep) {
    const text = `#${fragment()}`;
    if (text === (location.hash || "#")) return;
    try {
      history[isStep ? "pushState" : "replaceState"](null, "", text);
    } catch {
      location.hash = text; // a page without an address of its own
    }
  }

  function read() {
    const text = location.hash.slice(1);
    if (text && !text.includes("=")) return; // an element of the page
    const members = new URLSearchParams(text);
    const one = (key, accepted) => (accepted.includes(members.get(key)) ? members.get(key) : "");
    state.q = members.get("q") || "";
    state.result = (members.get("result") || "").split(",").filter((each) => head.results.includes(each));
    state.account = one("account", head.accounts);
    state.region = one("region", head.regions);
    state.can = one("can", head.capabilities);
    state.sort = one("sort", columns.flatMap(({ key }) => [key, `-${key}`])) || "result";
    state.open = members.get("open") || "";
    showFilters();
    apply();
    showOpened();
  }

  function textOf(row) {
    if (searched[row] === undefined) {
      const { excuse, cdk } = moreOf(row);
      const parts = [nameOf(row), rows.repository[row], placeOf(row), messageOf(row), excuse, cdk];
      searched[row] = parts.filter(Boolean).join("\n").toLowerCase();
    }
    return searched[row];
  }

  function apply() {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const results = head.results.map((name) => !state.result.length || state.result.includes(name));
    const places = [head.accounts.indexOf(state.account), head.regions.indexOf(state.region)];
    const bit = state.can ? 1 << head.capabilities.indexOf(state.can) : 0;
    const found = [];
    for (let row = 0; row < rows.result.length; row += 1) {
      if (!results[rows.result[row]]) continue;
      if (state.account && rows.account[row] !== places[0]) continue;
      if (state.region && rows.region[row] !== places[1]) continue;
      if (bit && !(head.granted[rows.policy[row]] & bit)) continue;
      if (words.length && !words.every((word) => textOf(row).includes(word))) continue;
      found.push(row);
    }
    shown = sorted(found);
    const what = head.command === "check" ? ["policy", "policies"] : ["repository", "repositories"];
    const all = rows.result.length;
    byId("count").textContent = `${number(shown.length)} of ${number(all)} ${what[all === 1 ? 0 : 1]}`;
    byId("download").disabled = !shown.length;
    byId("rows").setAttribute("aria-rowcount", shown.length + 1);
    for (const cell of byId("heads").cells) {
      const [, down, key] = state.sort.match(/^(-?)(.*)$/);
      if (cell.className === key) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
    clearRows();
    if (isPrinting) renderForPrint();
    else render();
  }

  function sorted(found) {
    const isDown = state.sort.startsWith("-");
    const { value } = columns.find(({ key }) => key === state.sort.replace("-", ""));
    const values = new Map(found.map((row) => [row, value(row)]));
    const sign = isDown ? -1 : 1;
    return found.sort((a, b) => {
      const [left, right] = [values.get(a), values.get(b)];
      if (left === right) return a - b; // the order of danger
      return left < right ? -sign : sign;
    });
  }

  // Rows: only those in view are in the document

  function prepareRows() {
    const danger = (row) => -head.capabilities.reduce((sum, _, at) => sum * 2 + ((head.granted[rows.policy[row]] >> at) & 1), 0);
    const hasFiles = head.files.some(Boolean);
    const hasPlaces = head.command !== "check";
    const candidates = [
      { key: "result", title: "Result", value: (row) => rows.result[row], cell: (row) => badge(row) },
      { key: "name", title: hasPlaces ? "Repository" : "Policy", value: nameOf, cell: nameCell },
      hasPlaces && { key: "account", title: "Account", value: account, cell: account },
      hasPlaces && { key: "region", title: "Region", value: region, cell: region },
      hasFiles && { key: "file", title: "File", value: fileKey, cell: placeOf },
      head.granted.some(Boolean) && { key: "can", title: "Access granted", value: danger, cell: (row) => granted(row).join(", ") },
      Object.values(more).some(({ recorded }) => recorded) && {
        key: "evaluated",
        title: "Evaluated",
        value: (row) => moreOf(row).recorded?.evaluated || "",
        cell: (row) => (moreOf(row).recorded?.evaluated || "").slice(0, 10),
      },
    ];
    columns = candidates.filter(Boolean);
    byId("heads").append(
      ...columns.map(({ key, title }) => {
        const button = make("button", { type: "button" }, title);
        button.addEventListener("click", () => {
          state.sort = state.sort === key ? `-${key}` : key;
          write(true);
          apply();
        });
        return make("th", { scope: "col", class: key, "data-title": title }, button);
      }),
    );
    byId("heads").setAttribute("aria-rowindex", 1);
    byId("rows").tabIndex = -1;
    for (const id of ["above", "below"]) {
      const space = make("tr", { id, class: "space", "aria-hidden": "true" }, make("td"));
      byId("body").append(space);
    }
    const body = byId("body");
    body.addEventListener("click", (event) => {
      const tr = event.target.closest("tr");
      const isSelection = !getSelection().isCollapsed && !event.target.closest("button");
      if (tr && !tr.classList.contains("space") && !isSelection) open(rowOf(tr));
    });
    byId("rows").addEventListener("keydown", move);
    let isAsked = false;
    const later = () => {
      if (isAsked) return;
      isAsked = true;
      requestAnimationFrame(() => {
        isAsked = false;
        if (!isPrinting) render();
      });
    };
    window.addEventListener("scroll", later, { passive: true });
    window.addEventListener("resize", later);
  }

  function fileKey(row) {
    const [[line]] = moreOf(row).places;
    return `${head.files[rows.file[row]]}:${String(line).padStart(9, "0")}`;
  }

  function badge(row) {
    return make("span", { class: `badge ${resultOf(row).replaceAll(" ", "-")}` }, capitalized(resultOf(row)));
  }

  function nameCell(row) {
    const cell = document.createDocumentFragment();
    cell.append(
      make("button", { type: "button", title: nameOf(row) }, nameOf(row)),
      make("small", { class: "place" }, placeOf(row)),
      make("small", {}, [moreOf(row).excuse, messageOf(row)].filter(Boolean).join(" · ")),
    );
    return cell;
  }

  const made = new Map(); // by place in `shown`

  function rowAt(place) {
    const row = shown[place];
    const cells = columns.map(({ key, cell }) => make("td", { class: key }, cell(row)));
    return make("tr", { "aria-rowindex": place + 2 }, ...cells);
  }

  function placeOfRow(tr) {
    return Number(tr.getAttribute("aria-rowindex")) - 2;
  }

  function rowOf(tr) {
    return shown[placeOfRow(tr)];
  }

  function clearRows() {
    for (const tr of made.values()) tr.remove();
    made.clear();
  }

  function setSpace(id, height) {
    const name = `#rows #${id}.space td`;
    const { sheet } = document.querySelector("style");
    let rule = [...sheet.cssRules].find(({ selectorText }) => selectorText === name);
    if (!rule) rule = sheet.cssRules[sheet.insertRule(`${name} { height: 0 }`, sheet.cssRules.length)];
    rule.style.height = `${height}px`;
  }

  function rowHeight() {
    if (!made.size && shown.length) insert(0);
    const [tr] = made.values();
    return tr ? tr.getBoundingClientRect().height || 56 : 56;
  }

  function insert(place) {
    if (made.has(place)) return;
    const tr = rowAt(place);
    const next = [...made.keys()].filter((each) => each > place);
    byId("body").insertBefore(tr, next.length ? made.get(Math.min(...next)) : byId("below"));
    made.set(place, tr);
  }

  let current = 0; // where the keys are

  function render() {
    const height = rowHeight();
    const { top } = byId("body").getBoundingClientRect();
    const first = Math.max(0, Math.min(shown.length, Math.floor(-top / height)) - MORE_ROWS);
    const end = Math.min(shown.length, Math.max(0, Math.ceil((innerHeight - top) / height)) + MORE_ROWS);
    for (const [place, tr] of made) {
      if (place >= first && place < end) continue;
      if (tr.contains(document.activeElement)) {
        current = place;
        byId("rows").focus({ preventScroll: true });
      }
      tr.remove();
      made.delete(place);
    }
    for (let place = first; place < end; place += 1) insert(place);
    setSpace("above", first * height);
    setSpace("below", Math.max(0, shown.length - end) * height);
  }

  function move(event) {
    const tr = event.target.closest("#body tr");
    if (!tr && event.target !== byId("rows")) return;
    const place = tr ? placeOfRow(tr) : current;
    const page = Math.max(1, Math.floor(innerHeight / rowHeight()) - 2);
    const to = {
      ArrowDown: place + 1,
      ArrowUp: place - 1,
      PageDown: place + page,
      PageUp: place - page,
      Home: 0,
      End: shown.length - 1,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    focusRow(to);
  }

  function focusRow(wanted) {
    if (!shown.length) return;
    const place = Math.max(0, Math.min(shown.length - 1, wanted));
    const height = rowHeight();
    const header = byId("heads").getBoundingClientRect().height;
    const top = byId("body").getBoundingClientRect().top + place * height;
    if (top < header) scrollBy(0, top - header);
    else if (top + height > innerHeight) scrollBy(0, top + height - innerHeight);
    render();
    current = place;
    made.get(place)?.querySelector("button").focus({ preventScroll: true });
  }

  // The detail of one row

  function prepareDetail() {
    const dialog = byId("detail");
    dialog.addEventListener("close", () => {
      if (dialog.open) return; // opened again since then
      const row = Number(dialog.dataset.row);
      dialog.replaceChildren();
      if (state.open) {
        state.open = "";
        write(false);
      }
      if (byId("body").contains(document.activeElement)) return; // the browser, or a key since then, has set the focus
      const place = shown.indexOf(row);
      if (place >= 0) focusRow(place);
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog && event.clientX < dialog.getBoundingClientRect().left) dialog.close();
    });
  }

  function open(row) {
    state.open = idOf(row);
    write(true);
    showOpened(row);
  }

  function opened() {
    return state.open ? rows.result.findIndex((_, row) => idOf(row) === state.open) : -1;
  }

  function showOpened(row = opened()) {
    const dialog = byId("detail");
    if (row < 0) {
      if (dialog.open) dialog.close();
      return;
    }
    if (dialog.open && dialog.dataset.row === String(row)) return;
    dialog.dataset.row = row;
    const close = make("button", { type: "button", "aria-label": "Close" }, "Close");
    close.addEventListener("click", () => dialog.close());
    const title = make("h2", { id: "detail-title" }, nameOf(row));
    dialog.replaceChildren(make("div", { class: "detail-head" }, title, close), ...detailOf(row, "h3", true));
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  }

  function detailOf(row, heading, hasButtons) {
    const content = contentOf(row);
    const titled = (title, ...nodes) => [make(heading, {}, title), ...nodes];
    return [
      factsOf(row),
      ...titled("Reason", ...reasonOf(row, content)),
      ...exampleOf(row, content, titled),
      ...notesOf(row, content, titled),
      ...recordedOf(row, titled),
      ...policyOf(row, content, titled, hasButtons),
      ...remedyOf(row, content, titled, hasButtons),
    ];
  }

  function factsOf(row) {
    const extra = moreOf(row);
    const facts = [
      ["Result", badge(row)],
      ["On purpose", extra.excuse],
      ["File", isFile(row) && placeOf(row)],
      ["Repository", isFile(row) && rows.repository[row]],
      ["AWS CDK", extra.cdk],
      ["Account", account(row)],
      ["Region", region(row)],
      [isFile(row) ? "Kind" : "Read from", SOURCES[head.kinds[rows.kind[row]]] || head.kinds[rows.kind[row]]],
    ];
    const list = facts.filter(([, value]) => value);
    return make("dl", { class: "facts" }, ...list.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  }

  function reasonOf(row, content) {
    if (!content.findings.length) return [make("p", {}, messageOf(row))];
    return content.findings.map((finding) => {
      if (!finding.reason) return make("div", { class: "finding" }, make("p", {}, finding.text));
      const what = finding.capabilities.length ? ` can ${joined(finding.capabilities)}` : "";
      return make(
        "div",
        { class: "finding" },
        make("p", {}, make("strong", {}, `${head.subject}${what}`)),
        make("p", {}, `${capitalized(finding.reason)}.`),
        actionsOf(finding.actions),
      );
    });
  }

  function actionsOf(actions) {
    const all = make("small", {}, actions.join(", ") || "none on the repository");
    if (actions.length <= FEW_ACTIONS) return make("p", {}, make("small", {}, "Actions: "), all);
    return make("details", {}, make("summary", {}, `${actions.length} actions`), all);
  }

  function exampleOf(row, content, titled) {
    const isFound = content.findings.some(({ reason }) => reason);
    if (!isFound || ![PUBLIC, EXCUSED].includes(rows.result[row])) return [];
    const none = "None: a Deny statement denies each request of everyone, and the test reachable finds no access.";
    return titled("Example request", make("p", {}, content.example ? `${content.example}.` : none));
  }

  function notesOf(row, content, titled) {
    const notes = [...content.advisories, ...(moreOf(row).notes || [])];
    if (moreOf(row).warning) notes.unshift("This unknown value is a warning: it leaves the exit code as it is.");
    return notes.length ? titled("Notes", listOf(notes)) : [];
  }

  function recordedOf(row, titled) {
    const { recorded } = moreOf(row);
    if (!recorded) return [];
    const facts = [
      ["Rule", recorded.rule],
      ["Result", recorded.compliance],
      ["Time", `${recorded.evaluated.replace("T", " ").replace("Z", " UTC")} (${recorded.age})`],
      ["Annotation", recorded.annotation],
    ];
    const list = facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));
    return titled("Evaluation in AWS Config", make("dl", { class: "facts" }, ...list));
  }

  function policyOf(row, content, titled, hasButtons) {
    if (!content.policy.length) {
      const isEvaluation = head.kinds[rows.kind[row]] === "evaluation";
      const text = isEvaluation ? "This report has evaluations without policies; ecr-exposure report --policies adds them." : "There is no policy to show.";
      return titled("Policy", make("p", {}, text));
    }
    const isMarked = (at) => content.marked.some(([first, end]) => at >= first && at < end);
    const text = content.policy.map((line, at) => make(isMarked(at) ? "mark" : "span", {}, line));
    const legend = content.marked.length ? make("p", { class: "aside" }, "Lines with ▶ are the statements that the reason is about.") : null;
    const copy = hasButtons ? [copyButton("Copy the policy", content.policy.join("\n"))] : [];
    return titled("Policy", legend || "", block("Policy", ended(text)), ...copy);
  }

  function remedyOf(row, content, titled, hasButtons) {
    if (!content.changes.length) return [];
    const nodes = titled("What to do", listOf(content.changes));
    if (content.loses.length) nodes.push(...titled("Who loses access", listOf(content.loses)));
    if (content.difference) {
      const isDeleted = content.difference.flat().every(([tag]) => tag === "-");
      const means = isDeleted ? "No statement is left, so the policy is deleted." : "Lines with − are removed, lines with + are added.";
      const legend = make("p", { class: "aside" }, means);
      nodes.push(...titled("Changed policy", legend, block("Changed policy", ended(differenceOf(content)))));
    }
    if (!hasButtons) return nodes;
    const texts = { ...content, command: content.command || moreOf(row).command };
    const applied = MEANS.filter(([key]) => texts[key]).map(([key, title]) =>
      make(
        "details",
        { class: "apply" },
        make("summary", {}, title),
        copyButton(`Copy for ${title}`, texts[key]),
        block(title, [make("code", {}, texts[key])]),
      ),
    );
    return applied.length ? [...nodes, ...titled("How to apply it", ...applied)] : nodes;
  }

  function differenceOf(content) {
    const of = { "=": "span", "-": "del", "+": "ins" };
    return content.difference.flatMap((group, at) => [
      ...(at ? [make("span", { class: "gap" }, "…")] : []),
      ...group.flatMap(([tag, first, end]) => {
        const texts = tag === "+" ? first : content.policy.slice(first, end);
        return texts.map((line) => make(of[tag], {}, line));
      }),
    ]);
  }

  function ended(elements) {
    return elements.flatMap((each) => [each, "\n"]);
  }

  function block(label, children) {
    return make("pre", { tabindex: "0", role: "region", "aria-label": label }, ...children);
  }

  function listOf(texts) {
    return make("ul", {}, ...texts.map((text) => make("li", {}, text)));
  }

  function joined(words) {
    return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
  }

  function capitalized(text) {
    return text.charAt(0).toUpperCase() + text.slice(1);
  }

  function copyButton(label, text) {
    const button = make("button", { type: "button", class: "copy" }, label);
    const told = make("span", { role: "status", class: "told" });
    button.addEventListener("click", async () => {
      told.textContent = (await copied(text, button)) ? " Copied" : " Select the text and copy it";
      setTimeout(() => told.replaceChildren(), 3000);
    });
    return make("p", {}, button, told);
  }

  async function copied(text, button) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // A page that is a file or in a frame may have no clipboard.
      const area = make("textarea", { "aria-hidden": "true", class: "hidden-text" });
      area.value = text;
      button.after(area);
      area.select();
      const isDone = document.execCommand("copy");
      area.remove();
      button.focus();
      return isDone;
    }
  }

  // CSV, as --format csv writes it; a byte order mark tells spreadsheets that it is UTF-8

  function download() {
    const written = [head.columns, ...shown.flatMap(linesOf)].map((cells) => cells.map(cellOf).join(","));
    const file = new Blob(["\ufeff", ...written.map((line) => `${line}\r\n`)], { type: "text/csv;charset=utf-8" });
    const link = make("a", { href: URL.createObjectURL(file), download: `ecr-exposure-${head.command}.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  function linesOf(row) {
    const content = contentOf(row);
    const extra = moreOf(row);
    const common = {
      result: resultOf(row),
      file: isFile(row) ? head.files[rows.file[row]] : idOf(row),
      address: isFile(row) ? extra.address : "",
      kind: head.kinds[rows.kind[row]],
      excuse: extra.excuse,
      notes: (extra.notes || []).join("; "),
      what_to_do: content.changes.join("; "),
      account: account(row),
      region: region(row),
      repository: rows.repository[row],
      rule: extra.recorded?.rule,
      evaluated: extra.recorded?.evaluated,
    };
    const places = extra.places || [[1, 1]];
    const findings = content.findings.length ? content.findings : [{ text: messageOf(row), capabilities: [], actions: [] }];
    return findings.map((finding, at) => {
      const [line, column] = places[at] || places[0];
      const members = {
        ...common,
        line,
        column,
        statement: finding.statement,
        sid: finding.sid,
        capabilities: finding.capabilities.join("; "),
        actions: finding.actions.join("; "),
        message: finding.text,
      };
      return head.columns.map((name) => members[name] ?? "");
    });
  }

  function cellOf(value) {
    const text = FORMULA.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  // Print

  function preparePrint() {
    window.addEventListener("beforeprint", () => printing(true));
    window.addEventListener("afterprint", () => printing(false));
    matchMedia("print").addEventListener("change", (event) => printing(event.matches));
  }

  function printing(isOn) {
    if (isOn === isPrinting) return;
    isPrinting = isOn;
    clearRows();
    byId("print").replaceChildren();
    byId("cut").hidden = true;
    if (isOn) renderForPrint();
    else render();
  }

  function renderForPrint() {
    const some = shown.slice(0, MOST_PRINTED);
    for (const place of some.keys()) {
      const tr = rowAt(place);
      made.set(place, tr);
      byId("below").before(tr);
    }
    const open = shown.filter((row) => rows.result[row] === PUBLIC);
    const articles = open.slice(0, MOST_PRINTED_DETAILS).map((row) => {
      const title = make("h3", {}, nameOf(row));
      return make("article", {}, title, ...detailOf(row, "h4", false));
    });
    const heading = articles.length ? [make("h2", {}, "Public, in detail")] : [];
    byId("print").replaceChildren(...heading, ...articles);
    const cut = [];
    if (shown.length > some.length) cut.push(`Only the first ${number(some.length)} of ${number(shown.length)} rows are printed.`);
    if (open.length > articles.length) cut.push(`Only the first ${number(articles.length)} of ${number(open.length)} public ones are printed in detail.`);
    byId("cut").textContent = cut.join(" ");
    byId("cut").hidden = !cut.length;
  }
})();
