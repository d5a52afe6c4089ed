// Reads {language, query} from its input. Prints what its grammar does not accept: a list of places in words.

import { readFileSync } from 'node:fs';

import { parser as logql } from '@grafana/lezer-logql';
import { parser as traceql } from '@grafana/lezer-traceql';

const { language, query } = JSON.parse(readFileSync(0, 'utf8'));
const faults = [];
({ logql, traceql })[language].parse(query).iterate({
  enter: ({ type, from }) => {
    if (type.isError) {
      faults.push(`${language} ends or goes wrong after ${query.slice(0, from).slice(-30)}`);
    }
  },
});
console.log(JSON.stringify([...new Set(faults)]));
