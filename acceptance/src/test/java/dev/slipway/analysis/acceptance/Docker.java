package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** The docker command line, run in the project's folder if no other is given. As an extension, skips the tests where no engine answers. */
final class Docker implements ExecutionCondition {

    record Output(int exitCode, String text) {

        Output assertSuccess() {
            assertThat(exitCode).as(text).isZero();
            return this;
        }
    }

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (run("docker", "version").exitCode() == 0) {
            return ConditionEvaluationResult.enabled("a Docker Engine answers");
        }
        String method = context.getTestMethod().map(found -> "." + found.getName()).orElse("");
        System.out.println("SKIPPED: " + context.getRequiredTestClass().getSimpleName() + method + ", for no Docker Engine answers");
        return ConditionEvaluationResult.disabled("no Docker Engine answers");
    }

    static Output run(String... command) {
        return run(Project.FOLDER, Map.of(), command);
    }

    static Output run(Path folder, Map<String, String> environment, String... command) {
        try {
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(folder.toFile())
                    .redirectErrorStream(true);
            builder.environment().putAll(environment);
            Process process = builder.start();
            process.getOutputStream().close();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Output(process.waitFor(), text);
        } catch (IOException e) {
            return new Output(127, Arrays.toString(command) + ": " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
