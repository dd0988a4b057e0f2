package dev.slipway.update;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.maven.shared.invoker.DefaultInvocationRequest;
import org.apache.maven.shared.invoker.DefaultInvoker;
import org.apache.maven.shared.invoker.InvocationRequest;
import org.apache.maven.shared.invoker.MavenInvocationException;

/**
 * Makes a project of its answers, by the Maven that runs.
 *
 * @param settings the user's settings of that Maven
 * @param repository where it keeps what it has got
 * @param offline whether it may ask for what it has not
 */
record Generator(File mavenHome, File settings, File repository, boolean offline) {

    /**
     * @param folder an empty one, for the project's folder
     * @return the project's folder
     * @throws Refused where Maven does not generate it, with the line that says why
     */
    Path generate(Answers answers, Path folder) throws Refused, IOException {
        Properties properties = new Properties();
        properties.putAll(answers.properties());
        properties.put("archetypeGroupId", "dev.slipway");
        properties.put("archetypeArtifactId", "slipway-archetype");
        properties.put("archetypeVersion", answers.archetypeVersion());
        properties.put("archetypeCatalog", "local");
        properties.put("outputDirectory", folder.toString());
        List<String> said = new ArrayList<>();
        InvocationRequest request = new DefaultInvocationRequest();
        request.setBatchMode(true);
        request.setBaseDirectory(folder.toFile());
        request.addArg("archetype:generate");
        request.setMavenHome(mavenHome);
        request.setUserSettingsFile(settings);
        request.setLocalRepositoryDirectory(repository);
        request.setOffline(offline);
        request.setProperties(properties);
        request.setOutputHandler(said::add);
        request.setErrorHandler(said::add);
        try {
            int exitCode = new DefaultInvoker().execute(request).getExitCode();
            Path project = folder.resolve(answers.properties().get("artifactId"));
            if (exitCode != 0 || Files.notExists(project.resolve("pom.xml"))) {
                throw new Refused("Version " + answers.archetypeVersion() + " of the template does not generate this project: "
                        + said.stream().filter(line -> line.startsWith("[ERROR]")).findFirst().orElse("see mvn archetype:generate").replace("[ERROR] ", "")
                        + " Nothing was changed.");
            }
            return project;
        } catch (MavenInvocationException e) {
            throw new IOException(e);
        }
    }
}
