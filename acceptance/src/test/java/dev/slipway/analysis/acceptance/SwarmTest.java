package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.yaml.snakeyaml.Yaml;

/** The stack file for a Swarm says what the Compose files say. */
@ExtendWith(Docker.class)
class SwarmTest {

    private static final String LAYERS = "docker-compose.yml:docker-compose.prod.yml:docker-compose.swarm.yml";

    @TempDir
    static Path project;

    private static Map<String, Map<String, Object>> compose;
    private static Map<String, Map<String, Object>> production;
    private static Map<String, Map<String, Object>> stack;

    @BeforeAll
    static void render() throws IOException {
        Project.copy(project);
        assumeTrue(Files.exists(project.resolve("scripts/swarm.sh")), "a project without the feature cluster");
        Files.writeString(project.resolve(".env"), "COMPOSE_PROFILES=backup,edge,monitoring,offsite\nBACKUP_REPOSITORY=sftp:x:/y\nDB_STANDBY=lossless\nTAG=1.4.0\n");
        run("bash scripts/secrets.sh");
        compose = services(run("COMPOSE_PROFILES=backup,edge,monitoring,offsite,standby COMPOSE_FILE=" + LAYERS + " docker compose config"));
        production = services(run("COMPOSE_PROFILES=backup,edge,monitoring,offsite COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml docker compose config"));
        run("bash scripts/swarm.sh render 2> left-out > stack.yml");
        stack = services(run("docker stack config -c stack.yml"));
    }

    @Test
    void everyServiceIsThereButJobs() {
        Set<String> services = new TreeSet<>(compose.keySet());
        services.remove("migrate");
        assertThat(stack.keySet()).isEqualTo(services).contains("app", "backup", "db", "nginx", "node-exporter", "offsite", "standby", "worker");
    }

    @Test
    void eachIsAsItIsUnderCompose() {
        stack.forEach((name, service) -> {
            Map<String, Object> wanted = compose.get(name);
            for (String same : List.of("cap_drop", "command", "entrypoint", "environment", "hostname", "image", "init", "read_only", "stop_grace_period", "stop_signal", "user")) {
                assertThat(text(service.get(same))).as(name + " " + same).isEqualTo(text(wanted.get(same)).replace("$$", "$"));
            }
            assertThat(text(at(service, "healthcheck", "test"))).as(name).isEqualTo(text(at(wanted, "healthcheck", "test")).replace("$$", "$"));
            for (String limit : List.of("memory", "pids")) {
                assertThat(text(at(service, "deploy", "resources", "limits", limit))).as(name).isEqualTo(text(at(wanted, "deploy", "resources", "limits", limit)));
            }
            assertThat(Double.valueOf(text(at(service, "deploy", "resources", "limits", "cpus"))))
                    .isEqualTo(Double.valueOf(text(at(wanted, "deploy", "resources", "limits", "cpus"))));
            assertThat(at(service, "networks")).as(name + " networks").isEqualTo(at(wanted, "networks"));
            if (production.containsKey(name)) {
                assertThat(((Map<?, ?>) at(service, "networks")).keySet()).as(name + " networks").isEqualTo(((Map<?, ?>) at(production.get(name), "networks")).keySet());
                for (String same : List.of("cap_drop", "command", "entrypoint", "read_only", "user")) {
                    assertThat(text(service.get(same))).as(name + " " + same).isEqualTo(text(production.get(name).get(same)));
                }
            }
        });
    }

    /** What is mounted lies at the same places: files of the project as configs, and what lies in memory as such. */
    @Test
    void eachFindsTheSameFiles() throws IOException {
        for (String name : stack.keySet()) {
            Set<String> wanted = new TreeSet<>();
            for (Map<String, Object> volume : list(compose.get(name), "volumes")) {
                Path source = Path.of(volume.get("source").toString());
                if (volume.get("type").equals("bind") && source.startsWith(project) && Files.isDirectory(source)) {
                    try (var files = Files.list(source)) {
                        files.filter(Files::isRegularFile).forEach(file -> wanted.add(volume.get("target") + "/" + file.getFileName()));
                    }
                } else {
                    wanted.add(volume.get("target").toString());
                }
            }
            list(compose.get(name), "configs").forEach(config -> wanted.add(config.get("target").toString()));
            ((List<?>) compose.get(name).getOrDefault("tmpfs", List.of())).forEach(folder -> wanted.add(folder.toString().replaceAll(":.*", "")));
            Set<String> found = new TreeSet<>();
            list(stack.get(name), "volumes").forEach(volume -> found.add(volume.get("target").toString()));
            list(stack.get(name), "configs").forEach(config -> found.add(config.get("target").toString()));
            assertThat(found).as(name).isEqualTo(wanted);
        }
    }

    /** By content: a change is a rolling update, and the files of before are there until it is over. */
    @Test
    void secretsAndConfigsAreNamedByTheirContent() throws IOException {
        Set<String> before = names("app", "secrets");
        Files.delete(project.resolve("secrets/db_app.txt"));
        run("bash scripts/secrets.sh; bash scripts/swarm.sh render 2> left-out > stack.yml");
        stack = services(run("docker stack config -c stack.yml"));

        assertThat(names("app", "secrets")).hasSize(1).doesNotContainAnyElementsOf(before).allMatch(name -> name.matches(".*_db_app_[0-9a-f]{12}"));
        assertThat(Files.readString(project.resolve("stack.yml"))).doesNotContain(Files.readString(project.resolve("secrets/db_app.txt")).strip());
    }

    @Test
    void whatASwarmDropsIsSaid() throws IOException {
        assertThat(Files.readString(project.resolve("left-out"))).startsWith("A Swarm leaves out no-new-privileges: ").hasLineCount(1);
    }

    @Test
    void anEngineThatIsNoManagerIsSaidInASentence() {
        assumeTrue(Docker.run("docker", "info", "-f", "{{.Swarm.LocalNodeState}}").text().strip().equals("inactive"), "this engine is in a Swarm");
        var refused = Docker.run(project, Map.of(), "bash", "scripts/swarm.sh", "deploy", "1.4.0");
        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.text()).isEqualTo("swarm.sh: this engine is in no Swarm: docker swarm init, or docker swarm join\n");
    }

    private static Set<String> names(String service, String kind) {
        return list(stack.get(service), kind).stream().map(one -> one.get("source").toString()).collect(Collectors.toCollection(TreeSet::new));
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> list(Map<String, Object> service, String kind) {
        return (List<Map<String, Object>>) service.getOrDefault(kind, List.of());
    }

    private static Object at(Object from, String... path) {
        Object found = from;
        for (String key : path) {
            found = found == null ? null : ((Map<?, ?>) found).get(key);
        }
        return found;
    }

    private static String text(Object value) {
        return value == null ? "" : value instanceof Map<?, ?> map ? new TreeMap<>(map).toString() : value.toString();
    }

    private static Map<String, Map<String, Object>> services(String yaml) {
        Map<String, Map<String, Map<String, Object>>> model = new Yaml().load(yaml);
        return model.get("services");
    }

    private static String run(String commands) {
        return Docker.run(project, Map.of(), "bash", "-ec", commands).assertSuccess().text();
    }
}
