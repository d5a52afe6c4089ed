// One component for each panel type that the boards use. The parts are Grafana's; their arrangement follows its panels.

import {
  FieldType,
  VizOrientation,
  getDisplayValueAlignmentFactors,
  getFieldDisplayName,
  getFieldDisplayValues,
  renderMarkdown,
} from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater, preparePlotFrame } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

import { TIME_ZONE, fieldConfigOf } from './frames.js';

const REDUCE = { calcs: ['lastNotNull'], fields: '', values: false };

function displayValues({ panel, frames, theme, replaceVariables }, sparkline = false) {
  return getFieldDisplayValues({
    data: frames,
    fieldConfig: fieldConfigOf(panel),
    reduceOptions: { ...REDUCE, ...panel.options?.reduceOptions },
    replaceVariables,
    sparkline,
    theme,
    timeZone: TIME_ZONE,
  });
}

function Stat(props) {
  const { panel, frames, theme, timeRange, width, height } = props;
  const {
    colorMode = 'value',
    graphMode = 'area',
    justifyMode = 'auto',
    orientation = VizOrientation.Auto,
    text,
    textMode = 'auto',
    wideLayout = true,
  } = panel.options ?? {};
  return (
    <VizRepeater
      autoGrid
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      getValues={() => displayValues(props, graphMode !== 'none')}
      height={height}
      itemSpacing={3}
      orientation={orientation}
      renderCounter={0}
      source={frames}
      width={width}
      renderValue={({ value, alignmentFactors, width, height, count }) => (
        <BigValue
          alignmentFactors={alignmentFactors}
          colorMode={colorMode}
          count={count}
          disableWideLayout={!wideLayout}
          graphMode={graphMode}
          height={height}
          justifyMode={justifyMode}
          sparkline={value.sparkline && { ...value.sparkline, timeRange }}
          text={text}
          textMode={textMode}
          theme={theme}
          value={value.display}
          width={width}
        />
      )}
    />
  );
}

function BarGauges(props) {
  const { panel, frames, theme, width, height } = props;
  const {
    displayMode = 'gradient',
    maxVizHeight = 300,
    minVizHeight = 16,
    minVizWidth = 8,
    namePlacement = 'auto',
    orientation = VizOrientation.Auto,
    showUnfilled = true,
    text,
    valueMode = 'color',
  } = panel.options ?? {};
  return (
    <VizRepeater
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      getValues={() => displayValues(props)}
      height={height}
      itemSpacing={displayMode === 'lcd' ? 2 : 10}
      maxVizHeight={maxVizHeight}
      minVizHeight={minVizHeight}
      minVizWidth={minVizWidth}
      orientation={orientation}
      renderCounter={0}
      source={frames}
      width={width}
      renderValue={({ value, alignmentFactors, orientation, width, height }) => (
        <BarGauge
          alignmentFactors={alignmentFactors}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          displayMode={displayMode}
          field={value.field}
          height={height}
          itemSpacing={displayMode === 'lcd' ? 2 : 10}
          lcdCellWidth={12}
          namePlacement={namePlacement}
          orientation={orientation}
          showUnfilled={showUnfilled}
          text={text}
          theme={theme}
          value={value.display}
          valueDisplayMode={valueMode}
          width={width}
        />
      )}
    />
  );
}

// The join of the series forgets their names, by which they are coloured.
function prepareWithNames(frames, dimensions, timeRange) {
  const joined = preparePlotFrame(frames, dimensions, timeRange);
  for (const field of joined.fields.filter(({ state }) => state?.origin)) {
    const frame = frames[field.state.origin.frameIndex];
    const displayName = getFieldDisplayName(frame.fields[field.state.origin.fieldIndex], frame, frames);
    field.state = { ...field.state, displayName };
  }
  return joined;
}

const LEGEND = { calcs: [], displayMode: 'list', placement: 'bottom', showLegend: true };

function TimeSeriesGraph({ panel, frames, timeRange, width, height }) {
  return (
    <TimeSeries
      frames={frames.filter(({ fields }) => fields.some(({ type }) => type === FieldType.time))}
      height={height}
      legend={{ ...LEGEND, ...panel.options?.legend }}
      preparePlotFrame={prepareWithNames}
      structureRev={1}
      timeRange={timeRange}
      timeZone={TIME_ZONE}
      width={width}
    />
  );
}

function Table({ panel, frames, timeRange, width, height }) {
  if (frames.length !== 1) {
    throw new Error(`a table of ${frames.length} frames; a transformation such as merge makes one of them`);
  }
  const { cellHeight = 'sm', frozenColumns, showHeader = true, sortBy } = panel.options ?? {};
  return (
    <TableNG
      cellHeight={cellHeight}
      data={frames[0]}
      enableVirtualization={false}
      fieldConfig={fieldConfigOf(panel)}
      frozenColumns={frozenColumns?.left}
      height={height}
      noHeader={!showHeader}
      sortBy={sortBy}
      structureRev={1}
      timeRange={timeRange}
      transparent
      width={width}
    />
  );
}

function Text({ panel, replaceVariables }) {
  const html = renderMarkdown(replaceVariables(panel.options?.content ?? ''));
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: html }} />;
}

// `padding` is what the panel leaves free around its content.
export const PANELS = {
  bargauge: { component: BarGauges, padding: 'md' },
  stat: { component: Stat, padding: 'md' },
  table: { component: Table, padding: 'none' },
  text: { component: Text, padding: 'md' },
  timeseries: { component: TimeSeriesGraph, padding: 'md' },
};
