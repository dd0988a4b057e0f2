package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/** What holds for every container of every layer. */
final class Hardening {

    private Hardening() {}

    /** By looking at its processes and by trying to write, not by its configuration alone. Prints a line of facts for each. */
    static void assertOf(Stack stack) {
        String database = Stack.inspect(stack.containers("db").get(0)).at("/Config/Image").asString();
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
            assertThat(touchIn(container, database).text()).as(name).contains("Read-only file system");
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

    /** As root, from a container that shares its processes, since its own image may have no shell, nor a user who may write there. */
    private static Docker.Output touchIn(String container, String image) {
        return Docker.run("docker", "run", "--rm", "--pid", "container:" + container, "--network", "none", "--user", "0", "--cap-add",
                "SYS_PTRACE", "--entrypoint", "touch", image, "/proc/1/root/intruder");
    }

    /** All that is published of all containers, as address:port; the address is 0.0.0.0 where it is every one. */
    static void assertPublished(Stack stack, String... addresses) {
        Set<String> published = new TreeSet<>();
        for (String container : stack.containers()) {
            Stack.inspect(container).at("/NetworkSettings/Ports").forEach(bindings -> bindings.forEach(binding -> published.add(
                    binding.path("HostIp").asString().replaceFirst("^::$", "0.0.0.0") + ":" + binding.path("HostPort").asString())));
        }
        assertThat(published).containsExactlyInAnyOrder(addresses);
    }

    /** Of these services, whatever clients sent. */
    static void assertNoLineOfALogIsLong(Stack stack, String... services) {
        for (String service : services) {
            assertThat(stack.compose("logs", "--no-log-prefix", service).text().lines())
                    .as(service)
                    .allMatch(line -> line.getBytes(StandardCharsets.UTF_8).length <= 16_384);
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
