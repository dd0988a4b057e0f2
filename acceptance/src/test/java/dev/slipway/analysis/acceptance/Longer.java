package dev.slipway.analysis.acceptance;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** As an extension, leaves a test to the longer run, {@code mvn verify -Dlonger}, and says so. */
final class Longer implements ExecutionCondition {

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        String method = context.getTestMethod().map(found -> "." + found.getName()).orElse("");
        return isOn(context.getRequiredTestClass().getName().replaceFirst(".*\\.", "").replace('$', '.') + method)
                ? ConditionEvaluationResult.enabled("this is the longer run")
                : ConditionEvaluationResult.disabled("not the longer run");
    }

    /** Whether this is the longer run; if not, says that the test is left to it. */
    static boolean isOn(String test) {
        boolean on = System.getProperty("longer") != null;
        if (!on) {
            System.out.println("SKIPPED: " + test + ", for its time: mvn verify -Dlonger runs it");
        }
        return on;
    }
}
