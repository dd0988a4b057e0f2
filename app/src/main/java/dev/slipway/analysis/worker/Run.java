package dev.slipway.analysis.worker;

import java.time.Duration;

/** A job in a worker's hands, on the thread that made this. */
class Run {

    private enum State { COMPUTING, OVERDUE, COMPUTED, LEFT }

    final Job job;
    final Thread thread = Thread.currentThread();
    private final long started = System.nanoTime();
    private volatile long renewed = started;
    private State state = State.COMPUTING;

    Run(Job job) {
        this.job = job;
    }

    Duration age() {
        return Duration.ofNanos(System.nanoTime() - started);
    }

    Duration sinceRenewal() {
        return Duration.ofNanos(System.nanoTime() - renewed);
    }

    void renewed(long at) {
        renewed = at;
    }

    /** Interrupts the computation, and never what the thread does after it. */
    synchronized void overdue() {
        if (state == State.COMPUTING) {
            state = State.OVERDUE;
            thread.interrupt();
        }
    }

    /** The thread is back from the computation: says whether that was within its time. */
    synchronized boolean computed() {
        boolean inTime = state == State.COMPUTING;
        if (state != State.LEFT) {
            state = State.COMPUTED;
        }
        Thread.interrupted();
        return inTime;
    }

    synchronized boolean isLeft() {
        return state == State.LEFT;
    }

    /** Says whether the computation is still going on, and if so, that nobody waits for it any more. */
    synchronized boolean leave() {
        boolean computing = state == State.COMPUTING || state == State.OVERDUE;
        if (computing) {
            state = State.LEFT;
        }
        return computing;
    }
}
