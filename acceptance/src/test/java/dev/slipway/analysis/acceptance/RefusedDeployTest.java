package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a deploy refuses before it changes anything, in one line; a container that sleeps is taken for the database. */
@ExtendWith(Docker.class)
class RefusedDeployTest {

    private static final String PRODUCTION = "docker-compose.yml,docker-compose.prod.yml,published.yml";

    @TempDir
    static Path project;

    private static Stack stack;

    @BeforeAll
    static void prepare() throws IOException {
        stack = Stack.production(project);
    }

    @AfterEach
    void stop() {
        stack.run("docker rm -f $COMPOSE_PROJECT_NAME-db-1").assertSuccess();
    }

    @AfterAll
    static void remove() {
        if (stack != null) {
            stack.run("docker volume rm -f ${COMPOSE_PROJECT_NAME}_db-data");
            stack.close();
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            DB_IMAGE=$OTHER | , and DB_IMAGE is $OTHER: DB_IMAGE=$IMAGE in .env, then bash scripts/upgrade-db.sh; nothing was changed
            DB_VOLUME=other | the database is $PROJECT_db-data, and DB_VOLUME makes it $PROJECT_other: bash scripts/restore.sh changes volumes
            TAG=first | TAG=first of this shell is no version to deploy: bash scripts/deploy.sh first, or unset TAG
            COMPOSE_FILE=docker-compose.yml | this is not a production host
            """)
    void aSettingThatWouldMakeAnotherStack(String setting, String said) throws IOException {
        String image = databaseFrom(project, PRODUCTION);
        String other = image.endsWith(":11.8") ? "mariadb:" + "10.6" : "mariadb:11.8";
        String variable = setting.substring(0, setting.indexOf('='));
        String before = stack.variable(variable);
        stack.with(variable, setting.substring(variable.length() + 1).replace("$OTHER", other));
        try {
            assertRefused(variable.equals("TAG") ? stack.script("deploy.sh") : stack.script("deploy.sh", "first"),
                    said.replace("$PROJECT", stack.name()).replace("$OTHER", other).replace("$IMAGE", image));
        } finally {
            stack.with(variable, before);
        }
    }

    @Test
    void anotherCheckoutOfTheSameName(@TempDir Path folder) throws IOException {
        Path other = folder.toRealPath();
        databaseFrom(other, PRODUCTION);
        String said = "the containers of the project " + stack.name() + " are those of " + other
                + ": work there, or give this checkout a COMPOSE_PROJECT_NAME of its own in .env";

        assertRefused(stack.script("deploy.sh", "first"), "deploy.sh: " + said);
        assertRefused(stack.script("backup.sh"), "backup.sh: " + said);
        assertRefused(stack.script("certificate.sh", "install", "chain", "key"), "certificate.sh: " + said);
        assertThat(stack.script("doctor.sh", "--no-containers").text()).contains("fail  " + said);
    }

    @Test
    void developmentThatRanUnderTheSameName() throws IOException {
        databaseFrom(project, "docker-compose.yml,docker-compose.override.yml");

        Docker.Output deploy = stack.script("deploy.sh", "first");

        assertRefused(deploy, "mend this and call it again; nothing was changed");
        assertThat(deploy.text()).contains("fail  development ran under the name " + stack.name()
                + ", and its database has development's passwords: docker compose down --remove-orphans");
        assertThat(stack.script("doctor.sh", "--no-containers").text()).as("its ports").containsPattern("ok    ports: .*" + stack.variable("DB_PORT"));
    }

    /** @return its image, which is the Compose file's */
    private static String databaseFrom(Path folder, String layers) throws IOException {
        String image = Files.readString(project.resolve("docker-compose.yml")).replaceAll("(?s).*\\$\\{DB_IMAGE:-([^}]+)}.*", "$1");
        stack.run("docker run -d --name $COMPOSE_PROJECT_NAME-db-1 -v ${COMPOSE_PROJECT_NAME}_db-data:/var/lib/mysql -p 127.0.0.1:$DB_PORT:3306"
                        + " --label com.docker.compose.project=$COMPOSE_PROJECT_NAME --label com.docker.compose.service=db"
                        + " --label com.docker.compose.oneoff=False --label com.docker.compose.config-hash=none"
                        + " --label com.docker.compose.project.working_dir='" + folder + "' --label com.docker.compose.project.config_files=" + layers
                        + " --entrypoint sleep " + image + " 600")
                .assertSuccess();
        return image;
    }

    private static void assertRefused(Docker.Output deploy, String said) {
        assertThat(deploy.exitCode()).as(deploy.text()).isEqualTo(1);
        assertThat(deploy.text().lines().reduce("", (before, line) -> line)).contains(said);
    }
}
