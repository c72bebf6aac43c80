import { checkWhole } from './quantity';

/** When something is done again and again, in UTC. Immutable. */
export class Schedule {
  /** Every hour, at this minute (0 to 59). */
  public static hourly(minute: number): Schedule {
    checkWhole('Schedule.hourly', 'minute', minute, 0, 59);
    return new Schedule(`${minute} * * * *`, 3600, minute * 60);
  }

  /** Every day, at this hour (0 to 23) and minute (0 to 59). */
  public static daily(hour: number, minute: number): Schedule {
    checkWhole('Schedule.daily', 'hour', hour, 0, 23);
    checkWhole('Schedule.daily', 'minute', minute, 0, 59);
    return new Schedule(`${minute} ${hour} * * *`, 86_400, (hour * 60 + minute) * 60);
  }

  private constructor(
    /** The five fields of cron. */
    public readonly cron: string,
    /** Seconds from one time to the next. */
    public readonly periodSeconds: number,
    /** Seconds after each full period (counted from 1970-01-01T00:00Z) at which it is due. */
    public readonly offsetSeconds: number,
  ) {}
}
