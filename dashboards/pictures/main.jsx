// Draws one board, and tells the server how each panel came out.

import { ThemeContext, createTheme, dateTime } from '@grafana/data';
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import { Component, useEffect } from 'react';
import { createRoot } from 'react-dom/client';

import { dataOf, isEmpty } from './frames.js';
import { PANELS } from './panels.jsx';

const ROW_HEIGHT = 30;
const GAP = 8;
const COLUMNS = 24;
const SMALLEST_TEXT = 8;
const LABEL = 'panel preview, Grafana UI components, not a Grafana screenshot';

const problems = [];
const report = (panel, message) => problems.push({ panel: panel?.title ?? '', message });

class Fence extends Component {
  state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  componentDidCatch(error) {
    report(this.props.panel, `throws: ${error.message}`);
  }

  render() {
    return this.state.failed ? null : this.props.children;
  }
}

function place({ x, y, w, h }, boardWidth) {
  const column = (boardWidth + GAP) / COLUMNS;
  return {
    left: Math.round(x * column),
    top: y * (ROW_HEIGHT + GAP),
    width: Math.round((x + w) * column) - Math.round(x * column) - GAP,
    height: h * (ROW_HEIGHT + GAP) - GAP,
  };
}

function Panel(props) {
  const { panel, frames, box, replaceVariables } = props;
  if (panel.type === 'row') {
    return <div className="row-title">{replaceVariables(panel.title)}</div>;
  }
  const { component: Content, padding } = PANELS[panel.type];
  return (
    <PanelChrome
      description={panel.description}
      displayMode={panel.transparent ? 'transparent' : 'default'}
      height={box.height}
      padding={padding}
      title={replaceVariables(panel.title)}
      width={box.width}
    >
      {(width, height) => (
        <Fence panel={panel}>
          <Content {...props} frames={frames} height={height} width={width} />
        </Fence>
      )}
    </PanelChrome>
  );
}

const clock = (time) => time.utc().format('HH:mm');

function Board({ board, drawn, width, onDrawn, timeRange, replaceVariables, theme }) {
  useEffect(onDrawn, []);
  return (
    <>
      <header>
        <h1>{board.title}</h1>
        <span className="range">{`${clock(timeRange.from)} to ${clock(timeRange.to)} UTC`}</span>
        <span className="label">{LABEL}</span>
      </header>
      <main>
        {drawn.map(({ panel, frames }) => {
          const box = place(panel.gridPos, width);
          return (
            <section data-panel={panel.id} key={panel.id} style={box}>
              <Fence panel={panel}>
                <Panel {...{ panel, frames, box, timeRange, replaceVariables, theme }} />
              </Fence>
            </section>
          );
        })}
      </main>
    </>
  );
}

async function prepare(panel, answers, context) {
  try {
    if (panel.panels?.length) {
      throw new Error('is a collapsed row, which the pictures cannot draw');
    }
    if (panel.type === 'row') {
      return [{ panel, frames: [] }];
    }
    if (!PANELS[panel.type]) {
      throw new Error(`is of the type ${panel.type}, which the pictures cannot draw`);
    }
    const frames = panel.targets ? await dataOf(panel, answers, context) : [];
    if (panel.targets && isEmpty(frames)) {
      throw new Error('is empty');
    }
    for (const { refId } of panel.targets ?? []) {
      if (!answers.targets[refId].result.length) {
        report(panel, `has nothing from query ${refId}`);
      }
    }
    return [{ panel, frames }];
  } catch (error) {
    report(panel, error.message);
    return [];
  }
}

const textsIn = (section) =>
  [...section.querySelectorAll('*')].filter((one) => !one.childElementCount && one.textContent.trim());

// What nobody could read: a title or a table that is cut off, text that is tiny, a panel without a mark.
function inspect(drawn) {
  for (const { panel } of drawn.filter(({ panel }) => panel.type !== 'row')) {
    const section = document.querySelector(`[data-panel="${panel.id}"]`);
    const title = section.querySelector('h2');
    if (title && title.scrollWidth > title.clientWidth + 1) {
      report(panel, 'has a title that is cut off');
    }
    const table = section.querySelector('[role=grid]');
    if (table && table.scrollWidth > table.clientWidth) {
      report(panel, `has a table that is ${table.scrollWidth - table.clientWidth} pixels too wide`);
    }
    const tiny = textsIn(section).find((text) => parseFloat(getComputedStyle(text).fontSize) < SMALLEST_TEXT);
    if (tiny) {
      report(panel, `has text that is too small to read: ${tiny.textContent}`);
    }
    if (!section.querySelector('canvas') && !section.innerText.replace(title?.innerText ?? '', '').trim()) {
      report(panel, 'shows nothing');
    }
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 1000));

async function draw() {
  const { board, answers, from, to, theme: mode, width } = await (await fetch('data.json')).json();
  const theme = createTheme({ colors: { mode } });
  const timeRange = { from: dateTime(from * 1000), to: dateTime(to * 1000) };
  timeRange.raw = { from: timeRange.from, to: timeRange.to };
  const replaceVariables = (text) => text.replace(/\$\{?\w+(:\w+)?\}?/g, 'All');
  const context = { theme, replaceVariables };
  const drawn = (
    await Promise.all(board.panels.map((panel) => prepare(panel, answers[panel.id], context)))
  ).flat();
  const bottom = Math.max(...drawn.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h));
  document.documentElement.dataset.theme = mode;
  document.body.style.setProperty('--board-height', `${bottom * (ROW_HEIGHT + GAP) - GAP}px`);
  await document.fonts.ready;
  await new Promise((onDrawn) =>
    createRoot(document.getElementById('root')).render(
      <ThemeContext.Provider value={theme}>
        <GlobalStyles />
        <Board {...{ board, drawn, width, onDrawn, timeRange, replaceVariables, theme }} />
      </ThemeContext.Provider>,
    ),
  );
  await settled();
  inspect(drawn);
}

// Harmless: something was measured again after it had been laid out.
const HARMLESS = /^ResizeObserver loop/;

window.addEventListener('error', ({ message }) => HARMLESS.test(message) || report(null, message));
window.addEventListener('unhandledrejection', (event) => report(null, String(event.reason)));
draw()
  .catch((error) => report(null, String(error.stack ?? error)))
  .finally(() => fetch('status', { method: 'POST', body: JSON.stringify(problems) }));
