// The tour of "Containers from first principles" on one screen: an image becomes layers, the layers a root, and a process
// on it sees nothing but itself.
//
//     dotnet run --project samples/Quickstart [-- IMAGE]
//
// IMAGE is what `docker save` writes (docker-archive:PATH[:name:tag]), a root (rootfs:PATH, a directory or a tar), or a
// path to either. Without one, an image is made of programs of this machine.
using Containers;
using Quickstart;

try
{
    using WorkDirectory work = new();
    string reference = args.Length > 0 ? args[0] : MadeImage.Save(work["quickstart.tar"]);
    ImageStore store = args.Length > 0 ? ImageStore.Default : new ImageStore(work["store"]);
    await new Tour(store, await store.LoadAsync(reference)).RunAsync();
    return 0;
}
catch (CommandNotFoundException e)
{
    Console.Error.WriteLine($"{e.Message}\nThe tour types its commands into a shell, and this image has none.");
    return e.ExitCode;
}
catch (ContainerException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
