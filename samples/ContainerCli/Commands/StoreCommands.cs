using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContainerCli.Output;
using Containers;

namespace ContainerCli.Commands;

/// <summary>images: what is in the store.</summary>
internal static class ListCommand
{
    public static Command Create()
    {
        Option<bool> quiet = new("--quiet", "-q") { Description = "Ids only" };
        Option<bool> full = new("--no-trunc") { Description = "Whole ids" };
        Command command = new("images", "Lists the images of the store.") { quiet, full };
        command.SetAction(parsed =>
        {
            Columns table = new("NAME", "ID", "PLATFORM", "CREATED", "LAYERS", "SIZE");
            foreach (ImageSummary image in Cli.StoreOf(parsed).List())
            {
                string id = parsed.GetValue(full) ? image.Id : Quantities.Short(image.Id);
                if (parsed.GetValue(quiet))
                {
                    Console.Out.WriteLine(id);
                    continue;
                }

                foreach (string name in image.Names.DefaultIfEmpty("<none>"))
                {
                    table.Add(name, id, image.Platform, Quantities.Ago(image.Created), $"{image.Layers}", Quantities.Size(image.Size));
                }
            }

            if (!parsed.GetValue(quiet))
            {
                table.Print();
            }

            return 0;
        });
        return command;
    }
}

/// <summary>inspect: all that is known of an image, as JSON.</summary>
internal static class InspectCommand
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        Argument<string[]> images = new("IMAGE") { Description = "Names or ids", Arity = ArgumentArity.OneOrMore };
        Command command = new("inspect", "Prints what the store knows of images, as JSON: names, digests, the config and the manifest as they came.") { images };
        command.SetAction(parsed =>
        {
            ImageStore store = Cli.StoreOf(parsed);
            JsonArray all = [.. parsed.GetValue(images)!.Select(name => Describe(Images.Require(store, name)))];
            Console.Out.WriteLine(all.ToJsonString(s_indented));
            return 0;
        });
        return command;
    }

    private static JsonObject Describe(ImageDetails image) => new()
    {
        ["Id"] = image.Summary.Id,
        ["Names"] = new JsonArray([.. image.Summary.Names.Select(name => (JsonNode)name)]),
        ["Created"] = image.Summary.Created,
        ["Platform"] = image.Summary.Platform,
        ["Size"] = image.Summary.Size,
        ["Layers"] = new JsonArray([.. image.Layers.Select(layer => (JsonNode)new JsonObject { ["DiffId"] = layer.DiffId, ["Size"] = layer.Size })]),
        ["ManifestDigest"] = image.ManifestDigest,
        ["ManifestMediaType"] = image.ManifestMediaType,
        ["Manifest"] = image.ManifestJson.IsEmpty ? null : JsonNode.Parse(image.ManifestJson.Span),
        ["Config"] = JsonNode.Parse(image.ConfigJson.Span),
    };
}

/// <summary>history: how an image was made.</summary>
internal static class HistoryCommand
{
    public static Command Create()
    {
        Argument<string> image = new("IMAGE") { Description = "A name or id" };
        Option<bool> full = new("--no-trunc") { Description = "Whole commands" };
        Command command = new("history", "Lists the steps that an image was made in, the last one first, with the size of the layer that each made.") { image, full };
        command.SetAction(parsed =>
        {
            ImageDetails details = Images.Require(Cli.StoreOf(parsed), parsed.GetValue(image)!);
            int layer = details.Layers.Count;
            Columns table = new("CREATED", "SIZE", "CREATED BY", "COMMENT");
            int unnamed = details.Layers.Count - details.History.Count(step => !step.IsEmptyLayer);
            foreach (ImageHistory step in details.History.Reverse())
            {
                long size = step.IsEmptyLayer || layer == 0 ? 0 : details.Layers[--layer].Size;
                string by = step.CreatedBy.ReplaceLineEndings(" ");
                table.Add(Quantities.Ago(step.Created), Quantities.Size(size), parsed.GetValue(full) || by.Length <= 60 ? by : by[..59] + "…", step.Comment);
            }

            for (; unnamed > 0 && layer > 0; unnamed--)
            {
                table.Add("", Quantities.Size(details.Layers[--layer].Size), "<unknown>", "");
            }

            table.Print();
            return 0;
        });
        return command;
    }
}

/// <summary>tag: another name.</summary>
internal static class TagCommand
{
    public static Command Create()
    {
        Argument<string> image = new("IMAGE") { Description = "A name or id" }, name = new("NAME") { Description = "The new name" };
        Command command = new("tag", "Gives an image of the store another name.") { image, name };
        command.SetAction(parsed =>
        {
            Console.Out.WriteLine(Cli.StoreOf(parsed).Tag(parsed.GetValue(image)!, parsed.GetValue(name)!));
            return 0;
        });
        return command;
    }
}

/// <summary>rmi: removes names, and images with their last one.</summary>
internal static class RemoveCommand
{
    public static Command Create()
    {
        Argument<string[]> images = new("IMAGE") { Description = "Names, or ids for all names of an image", Arity = ArgumentArity.OneOrMore };
        Command command = new("rmi", "Removes images from the store: a name, and the image with its last one. Layers that a container or another image uses stay.") { images };
        command.SetAction(parsed =>
        {
            ImageStore store = Cli.StoreOf(parsed);
            foreach (string name in parsed.GetValue(images)!)
            {
                ImageRemoval removed = store.Remove(name) ?? throw new ImageException($"There is no image \"{name}\" in {store.Path}.");
                foreach (string untagged in removed.Names)
                {
                    Console.Out.WriteLine($"Untagged: {untagged}");
                }

                if (removed.IsImageRemoved)
                {
                    Console.Out.WriteLine($"Deleted: {removed.Id} ({Quantities.Size(removed.FreedBytes)} freed)");
                }
            }

            return 0;
        });
        return command;
    }
}
