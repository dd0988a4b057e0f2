package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** What holds for every container of every layer. */
final class Hardening {

    private Hardening() {}

    /** By looking at its processes and by trying to write, not by its configuration alone. Prints a line of facts for each. */
    static void assertOf(Stack stack) {
        for (String container : stack.containers()) {
            JsonNode inspected = Stack.inspect(container);
            String name = inspected.at("/Name").asString().substring(1);
            JsonNode host = inspected.get("HostConfig");

            List<String> processes = Docker.run("docker", "top", container, "-eo", "pid,uid,comm")
                    .assertSuccess()
                    .text()
                    .lines()
                    .skip(1)
                    .map(String::strip)
                    .filter(line -> !line.contains(" runc:[")) // The engine's own, which is about to become a health check.
                    .toList();
            assertThat(processes).as(name).isNotEmpty().noneMatch(line -> line.matches("\\d+ +0 .*"));
            assertThat(Docker.run("docker", "cp", "pom.xml", container + ":/intruder").text())
                    .as(name)
                    .contains("marked read-only");
            assertThat(host.at("/CapDrop").toString()).as(name).isEqualTo("[\"ALL\"]");
            assertThat(host.at("/CapAdd").size()).as(name).isZero();
            assertThat(host.at("/Privileged").asBoolean()).as(name).isFalse();
            assertThat(host.at("/SecurityOpt").toString()).as(name).contains("no-new-privileges");
            assertThat(host.at("/Binds").toString()).as(name).doesNotContain("docker.sock");
            assertThat(host.at("/Memory").asLong()).as(name).isPositive();
            assertThat(host.at("/NanoCpus").asLong()).as(name).isPositive();
            assertThat(host.at("/PidsLimit").asLong()).as(name).isPositive();
            assertThat(host.at("/Init").asBoolean()).as(name).isTrue();
            assertThat(host.at("/RestartPolicy/Name").asString()).as(name).isEqualTo("unless-stopped");
            assertThat(host.at("/LogConfig/Config").toString()).as(name).contains("\"max-file\":\"3\"", "\"max-size\":\"10m\"");
            await().atMost(Duration.ofMinutes(1)).untilAsserted(
                    () -> assertThat(Stack.inspect(container).at("/State/Health/Status").asString("")).as(name).isEqualTo("healthy"));
            System.out.printf(
                    "%s: uid %s, no capabilities, read-only, %d MB, %.2f cores, %d processes at most%n",
                    name, processes.get(0).split(" +")[1], host.at("/Memory").asLong() >> 20, host.at("/NanoCpus").asLong() / 1e9,
                    host.at("/PidsLimit").asLong());
        }
    }

    /** @param secrets a folder of files, none of whose content may be in an environment, an argument, an image or a log */
    static void assertNoSecretIsSeen(Stack stack, Path secrets) throws IOException {
        StringBuilder seen = new StringBuilder(stack.compose("logs").text());
        for (String container : stack.containers()) {
            seen.append(Docker.run("docker", "inspect", container).text());
            seen.append(Docker.run("docker", "history", "--no-trunc", Stack.inspect(container).get("Image").asString()).text());
            seen.append(Docker.run("docker", "top", container, "-eo", "pid,args").text());
        }
        try (var files = Files.list(secrets)) {
            List<Path> passwords = files.filter(file -> file.toString().endsWith(".txt")).toList();
            assertThat(passwords).isNotEmpty();
            for (Path password : passwords) {
                assertThat(seen).doesNotContain(Files.readString(password).strip());
            }
        }
    }
}
