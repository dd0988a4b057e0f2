package dev.slipway.update;

/** Why nothing was changed: a sentence with its mend. */
final class Refused extends Exception {

    private static final long serialVersionUID = 1;

    Refused(String sentence) {
        super(sentence);
    }
}
