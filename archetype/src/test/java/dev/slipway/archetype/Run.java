package dev.slipway.archetype;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A command that has ended, and what it wrote. */
record Run(int exitCode, String output) {

    /** @param input what a user types, a line for each question */
    static Run of(Path folder, String input, List<String> command) throws IOException, InterruptedException {
        Path log = Files.createTempFile("run", ".log");
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        process.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().close();
        if (!process.waitFor(60, TimeUnit.MINUTES)) {
            process.destroy();
        }
        Run run = new Run(process.waitFor(), Files.readString(log));
        Files.delete(log);
        return run;
    }

    Run assertSuccess() {
        assertThat(exitCode).as(output).isZero();
        return this;
    }
}
