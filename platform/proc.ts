// What Linux tells of a process.

/** The kernel counts CPU time in ticks of 1/100 s. */
const ticksPerSecond = 100;
const pageKib = 4;

export interface ProcessStat {
  /** User and system time, all threads. */
  readonly cpuS: number;
  readonly residentMib: number;
  /** When it began, in ticks since the machine did. */
  readonly began: string;
}

/** Reads /proc/PID/stat. */
export function readStat(stat: string): ProcessStat {
  // The command's name may hold spaces and brackets: fields are counted from the last bracket, which ends field 2.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    cpuS: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    residentMib: (Number(fields[21]) * pageKib) / 1_024,
    began: fields[19] ?? '',
  };
}
