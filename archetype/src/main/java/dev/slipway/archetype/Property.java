package dev.slipway.archetype;

import java.util.List;

/**
 * What {@code archetype:generate} asks for.
 *
 * @param defaultValue a plain value is taken unasked; an expression, which has <code>${</code> in it, is offered
 * @param asked what a value that is typed must match, or it is asked for again; short, since the question shows it
 * @param regex what every value must match
 * @param rule the same in words, after the property's name
 */
record Property(String key, String defaultValue, String asked, String regex, String rule) {

    private Property(String key, String defaultValue, String regex, String rule) {
        this(key, defaultValue, regex, regex, rule);
    }

    private static final String KEYWORDS = "abstract|assert|boolean|break|byte|case|catch|char|class|const|continue|default|do"
            + "|double|else|enum|extends|false|final|finally|float|for|goto|if|implements|import|instanceof|int|interface|long"
            + "|native|new|null|package|private|protected|public|return|short|static|strictfp|super|switch|synchronized|this"
            + "|throw|throws|transient|true|try|void|volatile|while";

    static final List<Property> ALL = List.of(
            new Property(
                    "groupId",
                    "#set($offer = 'com.example')${offer}",
                    "[A-Za-z_][A-Za-z0-9_-]*(\\.[A-Za-z0-9_-]+)*",
                    "must be a Maven groupId, like com.example"),
            new Property(
                    "artifactId",
                    "#set($offer = 'service')${offer}",
                    "[a-z]([a-z0-9-]{0,48}[a-z0-9])?",
                    "(?!(" + KEYWORDS + ")$)[a-z]([a-z0-9-]{0,48}[a-z0-9])?",
                    "must be a DNS label, for networks and images are named after it: a lower-case letter, then lower-case letters,"
                            + " digits and hyphens, 50 in all, and no keyword of Java"),
            new Property(
                    "version",
                    "0.1.0-SNAPSHOT",
                    "[A-Za-z0-9][A-Za-z0-9._+-]*",
                    "must be a Maven version, like 0.1.0-SNAPSHOT"),
            new Property(
                    "package",
                    "#set($group = $groupId.toLowerCase().replace('-', '_'))${group}.${artifactId.replace('-', '')}",
                    "[a-z_][a-z0-9_]*(\\.[a-z_][a-z0-9_]*)*",
                    "(?!java(\\..*)?$)(?!(.*\\.)?(" + KEYWORDS + ")(\\..*)?$)[a-z_][a-z0-9_]*(\\.[a-z_][a-z0-9_]*)*",
                    "must be a Java package in lower case without a keyword in it and not Java's own, like com.example.service"),
            new Property(
                    "dbImage",
                    "mariadb:11.8",
                    "([A-Za-z0-9.-]+(:[0-9]+)?/)?([a-z0-9._-]+/)*[a-z0-9._-]*mariadb[a-z0-9._-]*"
                            + "(:[A-Za-z0-9_][A-Za-z0-9._-]*|(:[A-Za-z0-9_][A-Za-z0-9._-]*)?@sha256:[0-9a-f]{64})",
                    "must be an image of MariaDB with its tag or digest, like mariadb:11.8"),
            new Property(
                    "httpPort",
                    "881",
                    "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]",
                    "must be a port from 1 to 65535"),
            new Property("cluster", "false", "true|false", "must be true or false"),
            new Property("license", "none", "none|Apache-2.0|MIT", "must be none, Apache-2.0 or MIT"),
            new Property("monitoring", "#set($offer = 'true')${offer}", "true|false", "must be true or false"),
            new Property("mixnet", "#set($offer = 'true')${offer}", "true|false", "must be true or false"));

    /**
     * A property that nobody needs to set: the plugin checks no regex in batch mode, but evaluates a default that is an
     * expression before it writes a file. This one includes a resource that does not exist, and whose name is the
     * message, for a value that is not valid. So it does where the new project would become a module of one that has
     * none, which the plugin itself finds out after it has written the first file.
     */
    static Property check() {
        StringBuilder expression = new StringBuilder("""
                #set($class = $groupId.class)
                #set($system = $class.forName('java.lang.System'))
                #set($folder = $system.getProperty('outputDirectory', $system.getProperty('user.dir')))
                #set($pom = $class.forName('java.nio.file.Paths').get($folder, 'pom.xml'))
                #set($files = $class.forName('java.nio.file.Files'))
                #if($files.exists($pom) && !$files.readAllLines($pom).toString().contains('<packaging>pom</packaging>'))#parse("
                The pom.xml in $folder is not of packaging pom, and can have no module: generate in a folder without a pom.xml.
                ")#end
                """.replaceAll("\n(?!The|\"\\))", ""));
        for (Property property : ALL) {
            expression.append("#if(!$%s.matches('%s'))#parse(\"\nProperty %s %s. It is '$%s'.\n\")#end"
                    .formatted(property.key, property.regex, property.key, property.rule, property.key));
        }
        return new Property("checked", expression + "#set($offer = 'yes')${offer}", "yes", "must be yes");
    }
}
