package dev.slipway.archetype;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.jgit.ignore.IgnoreNode;

/**
 * Makes the archetype out of the working tree: every file that git would track, with the reference's names replaced by
 * properties. A file that holds such a name becomes a Velocity template whose every other character is quoted, all other
 * files arrive byte for byte.
 */
final class Packer {

    /** The workshop, which stays with the reference: whole paths here, and in files what stands between the two markers. */
    static final List<String> REFERENCE_ONLY = List.of(".ci/", ".git/", ".git", ".shellcheckrc", ".yamllint.yaml", "LICENSE", "acceptance/", "archetype/", "bench/");

    private static final Pattern REFERENCE_ONLY_BLOCK =
            Pattern.compile("[^\\n]*reference-only:begin.*?reference-only:end[^\\n]*\\n", Pattern.DOTALL);

    /** The features that a project may do without, each with the beginnings of the paths that are its own. */
    static final SortedMap<String, List<String>> FEATURES = new TreeMap<>(Map.of(
            "cluster",
            List.of(
                    "docker-compose.swarm.yml",
                    "docs/cluster.md",
                    "mariadb/standby.sh",
                    "monitoring/grafana/dashboards/hosts.json",
                    "monitoring/prometheus/swarm-rules.yml",
                    "scripts/kubernetes.sh",
                    "scripts/model.sh",
                    "scripts/promote.sh",
                    "scripts/swarm.sh"),
            "mixnet",
            List.of(
                    "docker-compose.betanet.yml",
                    "docs/betanet.md",
                    "mixnode/",
                    "monitoring/grafana/dashboards/betanet-",
                    "scripts/mixnode-keys.sh",
                    "secrets/dev/mixnet_token.txt",
                    "secrets/dev/mixnode_"),
            "monitoring",
            List.of(
                    "docs/monitoring.md",
                    "docs/runbook.md",
                    "monitoring/",
                    "secrets/dev/db_exporter.txt",
                    "secrets/dev/grafana_admin.txt")));

    /** The lines between a feature's two markers, with an empty line before them, or one line that ends in its name as a comment. */
    private static final Pattern OPTIONAL = optionalPattern();

    /** Each place where a name of the reference may stand, and what stands there in a project. */
    private static final List<Name> NAMES = List.of(
            new Name("dev/slipway/analysis", "${packageInPathFormat}"),
            new Name("dev\\.slipway\\.analysis", "${package}"),
            new Name("(?<=<groupId>)dev\\.slipway(?=</groupId>)", "${groupId}"),
            new Name("(?<=<artifactId>)analysis(?=</artifactId>)", "${artifactId}"),
            new Name("(?m)(?<=^# )analysis$", "${artifactId}"),
            new Name("(?m)(?<=^name: )analysis$", "${artifactId}"),
            new Name("(?<=token_prefix=)analysis", "${artifactId}"),
            new Name("(?m)(?<=^access\\.prefix: )analysis", "${artifactId}"),
            new Name("analysis(?=_[A-Za-z0-9]{43}_[0-9a-f]{6})", "${artifactId}"),
            new Name("analysis(?=-(app|net|nginx-status|mixnode)\\b)", "${artifactId}"),
            new Name("(?<=<version>)0\\.1\\.0(?=</version>)", "${version}"),
            new Name("mariadb:10\\.6", "${dbImage}"),
            new Name("(?<=HTTP_PORT=|HTTP_PORT:-|localhost:|0\\.0\\.0\\.0:|127\\.0\\.0\\.1:)881\\b", "${httpPort}"),
            new Name("(?<=\\| )881(?= \\|)", "${httpPort}"));

    private static final Pattern LEFT_OVER = Pattern.compile("(?i)slipway");

    /** Files that are generated alike. */
    private record FileSet(boolean filtered, String condition) implements Comparable<FileSet> {

        @Override
        public int compareTo(FileSet other) {
            return Comparator.comparing(FileSet::condition).thenComparing(FileSet::filtered).compare(this, other);
        }
    }

    private static Pattern optionalPattern() {
        String line = "[^\\n]*(?:#|--|//|<!--) ";
        String name = "(" + String.join("|", FEATURES.keySet()) + ")";
        return Pattern.compile("((?:(?<=\\n)\\n)?" + line + name + ":begin[^\\n]*\\n)((?:.*\\n)*?)(" + line + "\\2:end[^\\n]*\\n)|"
                + line + name + "(?: -->)?\\n");
    }

    private record Name(Pattern pattern, String property) {

        Name(String regex, String property) {
            this(Pattern.compile(regex), property);
        }
    }

    private Packer() {}

    /** @param args the folder of the working tree, and the folder to write to */
    public static void main(String[] args) throws IOException {
        pack(Path.of(args[0]).toRealPath(), Path.of(args[1]));
    }

    static void pack(Path tree, Path archetype) throws IOException {
        deleteRecursively(archetype);
        Path resources = archetype.resolve("archetype-resources");
        Map<String, FileSet> fileSets = new TreeMap<>();
        for (String path : files(tree)) {
            byte[] content = Files.readAllBytes(tree.resolve(path));
            String text = text(content);
            String name = path.replace("dev/slipway/analysis", "__packageInPathFormat__");
            boolean filtered = false;
            if (text != null) {
                String template = template(path, REFERENCE_ONLY_BLOCK.matcher(text).replaceAll(""));
                filtered = template.startsWith("#[[");
                content = template.getBytes(StandardCharsets.UTF_8);
            }
            fileSets.put(name, new FileSet(filtered, condition(path)));
            Path target = resources.resolve(name);
            Files.createDirectories(target.getParent());
            Files.write(target, content);
        }
        fileSets.put("LICENSE", new FileSet(true, "$license != 'none'"));
        Files.writeString(resources.resolve("LICENSE"), license(tree));
        Path metadata = archetype.resolve("META-INF/maven/archetype-metadata.xml");
        Files.createDirectories(metadata.getParent());
        Files.writeString(metadata, metadata(fileSets));
        Files.copy(tree.resolve("archetype/src/main/archetype-post-generate.groovy"), archetype.resolve("META-INF/archetype-post-generate.groovy"));
    }

    /** The licence that somebody chose for what is generated; Apache's is also the template's own. */
    private static String license(Path tree) throws IOException {
        return "#if($license == 'MIT')" + Files.readString(tree.resolve("archetype/src/main/licenses/MIT"))
                + "#else#[[" + Files.readString(tree.resolve("LICENSE")) + "]]##end";
    }

    /** The files of the tree that git does not ignore, less the reference's own. Needs no git: a download has none. */
    private static List<String> files(Path tree) throws IOException {
        IgnoreNode ignored = new IgnoreNode();
        try (InputStream in = Files.newInputStream(tree.resolve(".gitignore"))) {
            ignored.parse(in);
        }
        List<String> files = new ArrayList<>();
        Files.walkFileTree(tree, new SimpleFileVisitor<>() {

            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                String path = relative(folder);
                return !path.isEmpty() && (REFERENCE_ONLY.contains(path + "/") || isIgnored(path, true))
                        ? FileVisitResult.SKIP_SUBTREE
                        : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                String path = relative(file);
                if (!REFERENCE_ONLY.contains(path) && !isIgnored(path, false)) {
                    files.add(path);
                }
                return FileVisitResult.CONTINUE;
            }

            private boolean isIgnored(String path, boolean folder) {
                return Boolean.TRUE.equals(ignored.checkIgnored(path, folder));
            }

            private String relative(Path path) {
                return tree.relativize(path).toString().replace('\\', '/');
            }
        });
        return files;
    }

    /** The text as a template if it holds a name of the reference, and as it is if not. */
    private static String template(String path, String text) {
        String template = text;
        String remaining = text;
        for (Name name : NAMES) {
            template = name.pattern.matcher(template).replaceAll(Matcher.quoteReplacement("]]#" + name.property + "#[["));
            remaining = name.pattern.matcher(remaining).replaceAll("");
        }
        template = optional(template);
        for (String name : Stream.concat(FEATURES.keySet().stream(), Stream.of("reference-only")).toList()) {
            if (count(text, name + ":begin") != count(text, name + ":end")) {
                throw new IllegalStateException(path + " has a marker " + name + ":begin or " + name + ":end without the other.");
            }
        }
        if (LEFT_OVER.matcher(remaining).find()) {
            throw new IllegalStateException(path + " names the reference where no property takes its place:"
                    + " mark the lines reference-only, or add the place to Packer.NAMES.");
        }
        if (template.equals(text) && !path.equals("pom.xml")) {
            return text;
        }
        if (text.contains("]]#") || text.contains("\r")) {
            throw new IllegalStateException(path + " cannot become a template: it holds ]]# or a carriage return.");
        }
        return "#[[" + template + "]]#";
    }

    /** The features that a file belongs to, as a condition; nothing if it is always there. */
    private static String condition(String path) {
        return FEATURES.entrySet().stream()
                .filter(feature -> feature.getValue().stream().anyMatch(path::startsWith))
                .map(feature -> "$" + feature.getKey() + " == 'true'")
                .collect(Collectors.joining(" && "));
    }

    private static int count(String text, String marker) {
        return text.split(Pattern.quote(marker), -1).length;
    }

    /** Makes what only some features have in a file that others share depend on them. */
    private static String optional(String text) {
        return OPTIONAL.matcher(text).replaceAll(found -> {
            boolean block = found.group(1) != null;
            String kept = block ? found.group(1) + optional(found.group(3)) + found.group(4) : found.group();
            return Matcher.quoteReplacement("]]##if($" + found.group(block ? 2 : 5) + " == 'true')#[[" + kept + "]]##end#[[");
        });
    }

    private static String text(byte[] content) {
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString();
            return text.indexOf('\0') < 0 ? text : null;
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    private static String metadata(Map<String, FileSet> fileSets) {
        return """
                <?xml version="1.0" encoding="UTF-8"?>
                <archetype-descriptor xmlns="https://maven.apache.org/plugins/maven-archetype-plugin/archetype-descriptor/1.2.0" name="slipway">
                  <requiredProperties>
                %s  </requiredProperties>
                  <fileSets>
                %s  </fileSets>
                </archetype-descriptor>
                """
                .formatted(
                        Stream.concat(Property.ALL.stream(), Stream.of(Property.check()))
                                .map(Packer::requiredProperty)
                                .collect(Collectors.joining()),
                        new TreeSet<>(fileSets.values()).stream().map(set -> fileSet(set, fileSets)).collect(Collectors.joining()));
    }

    private static String requiredProperty(Property property) {
        return """
                    <requiredProperty key="%s">
                      <defaultValue>%s</defaultValue>
                      <validationRegex>%s</validationRegex>
                    </requiredProperty>
                """
                .formatted(property.key(), escape(property.defaultValue()), escape("^(" + property.asked() + ")$"));
    }

    /** A condition is evaluated as a template; plugins before 3.4 do not know it, and generate every feature. */
    private static String fileSet(FileSet set, Map<String, FileSet> fileSets) {
        String condition = set.condition.isEmpty() ? "" : " includeCondition=\"" + escape("#if(" + set.condition + ")true#end") + "\"";
        return fileSets.entrySet().stream()
                .filter(entry -> entry.getValue().equals(set) && !entry.getKey().equals("pom.xml"))
                .map(entry -> "        <include>" + escape(entry.getKey()) + "</include>\n")
                .collect(Collectors.joining(
                        "",
                        "    <fileSet filtered=\"" + set.filtered + "\" encoding=\"UTF-8\"" + condition + ">\n      <directory></directory>\n      <includes>\n",
                        "      </includes>\n    </fileSet>\n"));
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    private static void deleteRecursively(Path folder) throws IOException {
        if (Files.notExists(folder)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
