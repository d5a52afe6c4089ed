// From what Prometheus answers to what Grafana's components draw.

import {
  ThresholdsMode,
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createDataFrame,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  FieldConfigOptionsRegistry,
  FieldType,
  identityOverrideProcessor,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  thresholdsOverrideProcessor,
  transformDataFrame,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';

export const TIME_ZONE = 'utc';

// What each panel type sets for the fields when the board says nothing. In Grafana that is in the panel's plugin.
const CUSTOM_DEFAULTS = {
  timeseries: {
    axisBorderShow: false,
    axisCenteredZero: false,
    axisColorMode: 'text',
    axisLabel: '',
    axisPlacement: 'auto',
    barAlignment: 0,
    barWidthFactor: 0.6,
    drawStyle: 'line',
    fillOpacity: 0,
    gradientMode: 'none',
    hideFrom: { legend: false, tooltip: false, viz: false },
    lineInterpolation: 'linear',
    lineWidth: 1,
    pointSize: 5,
    scaleDistribution: { type: 'linear' },
    showPoints: 'auto',
    spanNulls: false,
    stacking: { group: 'A', mode: 'none' },
    thresholdsStyle: { mode: 'off' },
  },
  table: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false },
};

const numeric = (field) => field.type === FieldType.number;
const always = () => true;

// Grafana's standard field options. Their list is in the Grafana server; how each is applied is in @grafana/data.
const STANDARD = [
  ['unit', unitOverrideProcessor, always],
  ['min', identityOverrideProcessor, numeric],
  ['max', identityOverrideProcessor, numeric],
  ['decimals', identityOverrideProcessor, numeric],
  ['fieldMinMax', identityOverrideProcessor, numeric],
  ['displayName', displayNameOverrideProcessor, always],
  ['noValue', identityOverrideProcessor, always],
  ['color', identityOverrideProcessor, always],
  ['thresholds', thresholdsOverrideProcessor, numeric],
  ['mappings', valueMappingsOverrideProcessor, always],
  ['links', dataLinksOverrideProcessor, always],
  ['description', identityOverrideProcessor, always],
];

const option = (id, process, shouldApply, isCustom = false) => ({
  id,
  path: id.replace(/^custom\./, ''),
  name: id,
  isCustom,
  process,
  shouldApply,
  getItemsCount: () => 1,
});

const standardOptions = () => STANDARD.map(([id, process, shouldApply]) => option(id, process, shouldApply));

standardFieldConfigEditorRegistry.setInit(standardOptions);
standardTransformersRegistry.setInit(() =>
  // Some have two names in this list.
  [...new Map(Object.values(standardTransformers).map((one) => [one.id, one])).values()].map((one) => ({
    ...one,
    transformation: async () => one,
  })),
);

function fieldOptions({ defaults, overrides }) {
  const own = Object.keys(defaults.custom ?? {}).map((name) => `custom.${name}`);
  const properties = overrides.flatMap((override) => override.properties.map((property) => property.id));
  const custom = new Set([...own, ...properties.filter((id) => id.startsWith('custom.'))]);
  const unknown = properties.filter((id) => !custom.has(id) && !STANDARD.some(([standard]) => standard === id));
  if (unknown.length) {
    throw new Error(`overrides that the pictures do not know: ${unknown.join(', ')}`);
  }
  return new FieldConfigOptionsRegistry(() => [
    ...standardOptions(),
    ...[...custom].map((id) => option(id, identityOverrideProcessor, always, true)),
  ]);
}

// The settings of the panel's fields, with Grafana's defaults beneath.
export function fieldConfigOf(panel) {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const custom = { ...CUSTOM_DEFAULTS[panel.type], ...defaults.custom };
  const thresholds = defaults.thresholds ?? {
    mode: ThresholdsMode.Absolute,
    steps: [
      { color: 'green', value: null },
      { color: 'red', value: 80 },
    ],
  };
  const steps = thresholds.steps.map((step, i) => (i === 0 ? { ...step, value: -Infinity } : step));
  return structuredClone({ defaults: { ...defaults, custom, thresholds: { ...thresholds, steps } }, overrides });
}

const legend = (format, labels) => format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? '');

// NaN and infinities are gaps.
const number = (text) => (Number.isFinite(Number(text)) ? Number(text) : null);

function seriesFrame(target, series, stepMs) {
  const { __name__: name, ...labels } = series.metric;
  const samples = series.values ?? [series.value];
  const format = target.legendFormat ?? '__auto';
  const config = format === '__auto' || format === '' ? {} : { displayNameFromDS: legend(format, labels) };
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, config: { interval: stepMs }, values: samples.map(([at]) => at * 1000) },
      { name: 'Value', type: FieldType.number, config, labels, values: samples.map(([, text]) => number(text)) },
    ],
  });
}

function tableFrame(target, result, alone) {
  const names = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  const rows = result.flatMap(({ metric, values, value }) => (values ?? [value]).map((sample) => ({ metric, sample })));
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: rows.map(({ sample: [at] }) => at * 1000) },
      ...names.map((name) => ({
        name,
        type: FieldType.string,
        values: rows.map(({ metric }) => metric[name] ?? ''),
      })),
      {
        name: alone ? 'Value' : `Value #${target.refId}`,
        type: FieldType.number,
        values: rows.map(({ sample: [, text] }) => number(text)),
      },
    ],
  });
}

function framesOf(panel, { step, targets }) {
  const tables = panel.targets.filter(({ format }) => format === 'table');
  return panel.targets.flatMap((target) => {
    const { result } = targets[target.refId];
    if (target.format === 'table') {
      return result.length ? [tableFrame(target, result, tables.length === 1)] : [];
    }
    return result.map((series) => seriesFrame(target, series, step * 1000));
  });
}

// What the panel shows: its queries' answers, transformed, with units, names, colours, thresholds and mappings.
export async function dataOf(panel, answers, { theme, replaceVariables }) {
  const transformations = panel.transformations ?? [];
  const unknown = transformations.filter(({ id }) => !standardTransformersRegistry.getIfExists(id));
  if (unknown.length) {
    throw new Error(`transformations that the pictures do not know: ${unknown.map(({ id }) => id).join(', ')}`);
  }
  const series = framesOf(panel, answers);
  const data = await firstValueFrom(transformDataFrame(transformations, series, { interpolate: replaceVariables }));
  const fieldConfig = fieldConfigOf(panel);
  const frames = applyFieldOverrides({
    data,
    fieldConfig,
    fieldConfigRegistry: fieldOptions(fieldConfig),
    replaceVariables,
    theme,
    timeZone: TIME_ZONE,
  });
  cacheFieldDisplayNames(frames); // colours by name, and the titles of columns, go by these
  return frames;
}

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

// Whether there is a number to see, or, without numbers, a row.
export function isEmpty(frames) {
  const fields = frames.flatMap((frame) => frame.fields.filter(({ type }) => type !== FieldType.time));
  const numbers = fields.filter(numeric);
  return numbers.length
    ? !numbers.some(({ values }) => values.some(isNumber))
    : !fields.some(({ values }) => values.length);
}
