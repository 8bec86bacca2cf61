/** docs/terminal.svg, the picture in the README, shows what the program prints. "npm run man" renews it. */
import { expect, it } from 'vitest';

import { formatInspectLines } from '../../src/cli/report/inspect-text.ts';
import { formatReportLines } from '../../src/cli/report/report-text.ts';
import { buildPicture } from '../../src/inspect/disk-picture.ts';
import { makeDemoImage } from '../support/demo-image.ts';
import { scanFileForTest } from '../support/poison.ts';
import { drawTerminal } from '../support/terminal-svg.ts';

const COLUMNS = 112;
const NAME = 'distro.img';

it('the picture of the terminal is up to date', async () => {
  const report = await scanFileForTest(makeDemoImage());
  const picture = formatInspectLines(NAME, buildPicture(report), {
    columns: COLUMNS,
    useColor: true,
  });
  const lines = [
    `$ bmap scan ${NAME}`,
    ...formatReportLines(NAME, report),
    '',
    `$ bmap inspect ${NAME}`,
    // Down to the table; the paragraphs of the partitions would not fit.
    ...picture.slice(0, picture.findIndex((line) => line.startsWith('left out')) + 1),
  ];
  await expect(drawTerminal(lines, COLUMNS)).toMatchFileSnapshot('../../docs/terminal.svg');
});
