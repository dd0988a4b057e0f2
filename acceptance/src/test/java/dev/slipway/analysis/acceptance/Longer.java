package dev.slipway.analysis.acceptance;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** As an extension, leaves a test to the longer run, {@code mvn verify -Dlonger}, and says so. */
final class Longer implements ExecutionCondition {

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (System.getProperty("longer") != null) {
            return ConditionEvaluationResult.enabled("this is the longer run");
        }
        String method = context.getTestMethod().map(found -> "." + found.getName()).orElse("");
        System.out.println("SKIPPED: " + context.getRequiredTestClass().getSimpleName() + method + ", for its time: mvn verify -Dlonger runs it");
        return ConditionEvaluationResult.disabled("not the longer run");
    }
}
